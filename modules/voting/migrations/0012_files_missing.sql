-- +goose Up
ALTER TABLE voting_entries ADD COLUMN files_missing BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE voting_entries DROP COLUMN files_missing;
