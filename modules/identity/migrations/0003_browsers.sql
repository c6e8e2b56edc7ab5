-- +goose Up
-- Browsers that are signed in. Whoever reads this table cannot sign in with it: it has only the hashes of their tokens.
CREATE TABLE identity_browsers (
	token_hash TEXT   PRIMARY KEY,
	user_id    TEXT   NOT NULL,
	agent      TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX identity_browsers_user_idx ON identity_browsers (user_id, used_at);
CREATE INDEX identity_browsers_expires_idx ON identity_browsers (expires_at);

-- +goose Down
DROP TABLE identity_browsers;
