-- +goose Up
-- Sessions, or accounts, that ended while their access tokens may still be valid. Every process reads what is new.
CREATE TABLE identity_endings (
	id         TEXT   PRIMARY KEY,
	ended_at   BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX identity_endings_ended_idx ON identity_endings (ended_at);
CREATE INDEX identity_endings_expires_idx ON identity_endings (expires_at);

-- +goose Down
DROP TABLE identity_endings;
