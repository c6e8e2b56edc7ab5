-- +goose Up
-- One spelling for all spellings of a mailbox, which only one account may have. It is empty for accounts that are older
-- than this rule and not the oldest of their mailbox, and NULL while a row has to be filled.
ALTER TABLE identity_users ADD COLUMN email_canonical TEXT;
CREATE UNIQUE INDEX identity_users_email_canonical_key ON identity_users (email_canonical) WHERE email_canonical <> '';
CREATE INDEX identity_users_email_unfilled_idx ON identity_users (created_at, id) WHERE email_canonical IS NULL;

-- +goose Down
DROP INDEX identity_users_email_unfilled_idx;
DROP INDEX identity_users_email_canonical_key;
ALTER TABLE identity_users DROP COLUMN email_canonical;
