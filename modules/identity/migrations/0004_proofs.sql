-- +goose Up
ALTER TABLE identity_users ADD COLUMN language TEXT NOT NULL DEFAULT 'es';
ALTER TABLE identity_users ADD COLUMN email_verified_at BIGINT NOT NULL DEFAULT 0;
-- Links of letters. Whoever reads this table cannot use them: it has only hashes of what they carry.
CREATE TABLE identity_proofs (
	secret_hash TEXT   NOT NULL PRIMARY KEY,
	user_id     TEXT   NOT NULL,
	purpose     TEXT   NOT NULL,           -- confirm, change, restore or reset
	email       TEXT   NOT NULL,           -- to which the letter went
	created_at  BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL,
	used_at     BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX identity_proofs_user_idx ON identity_proofs (user_id, purpose);
CREATE INDEX identity_proofs_expires_idx ON identity_proofs (expires_at);

-- +goose Down
DROP TABLE identity_proofs;
ALTER TABLE identity_users DROP COLUMN email_verified_at;
ALTER TABLE identity_users DROP COLUMN language;
