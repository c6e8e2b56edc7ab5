-- +goose Up
CREATE TABLE identity_users (
	id            TEXT   PRIMARY KEY,
	email         TEXT   NOT NULL,
	email_folded  TEXT   NOT NULL,
	password_hash TEXT   NOT NULL,
	first_name    TEXT   NOT NULL,
	last_name     TEXT   NOT NULL,
	city          TEXT   NOT NULL,
	country       TEXT   NOT NULL,
	created_at    BIGINT NOT NULL,
	CONSTRAINT identity_users_email_folded_key UNIQUE (email_folded)
);

-- +goose Down
DROP TABLE identity_users;
