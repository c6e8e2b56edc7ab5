-- +goose Up
-- Published while its owner was absent: nobody was told yet.
ALTER TABLE voting_hidden_entries ADD COLUMN untold BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE voting_hidden_entries DROP COLUMN untold;
