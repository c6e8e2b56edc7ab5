-- +goose Up
-- The account that a letter is about, with which it is forgotten; '': none, or it is from before this column.
ALTER TABLE mail_letters ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
CREATE INDEX mail_letters_user_idx ON mail_letters (user_id) WHERE user_id <> '';

-- +goose Down
DROP INDEX mail_letters_user_idx;
ALTER TABLE mail_letters DROP COLUMN user_id;
