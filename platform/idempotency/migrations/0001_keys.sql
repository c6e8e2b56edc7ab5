-- +goose Up
-- Attempts at operations that clients have given a key, and the answers of those that have succeeded.
CREATE TABLE idempotency_keys (
	id          TEXT   NOT NULL PRIMARY KEY, -- hash of the account, the operation and the key
	subject     TEXT   NOT NULL,             -- the id of what the operation creates
	attempt     TEXT   NOT NULL,             -- the one that holds the key
	fingerprint TEXT   NOT NULL DEFAULT '',  -- hash of the request; '' until it is known
	answer      TEXT   NOT NULL DEFAULT '',  -- '' until there is one
	lease_until BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_expires_idx ON idempotency_keys (expires_at);

-- +goose Down
DROP TABLE idempotency_keys;
