-- +goose Up
-- Second factors: a secret that an authenticator shares, closed so that this table alone tells nothing, and codes for
-- whoever has lost it. A code is valid for a step of 30 s; last_step is that of the last one used.
CREATE TABLE identity_factors (
	user_id      TEXT   PRIMARY KEY,
	secret       TEXT   NOT NULL,
	created_at   BIGINT NOT NULL,
	confirmed_at BIGINT,
	last_step    BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE identity_recovery_codes (
	user_id   TEXT NOT NULL,
	code_hash TEXT NOT NULL,
	CONSTRAINT identity_recovery_codes_pkey PRIMARY KEY (user_id, code_hash)
);

-- +goose Down
DROP TABLE identity_recovery_codes;
DROP TABLE identity_factors;
