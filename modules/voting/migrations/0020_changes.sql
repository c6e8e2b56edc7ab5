-- +goose Up
-- Raised, in the row of all places, with whatever a look for later publications alone would not find: entries that go,
-- come back or move.
ALTER TABLE voting_places ADD COLUMN changes BIGINT NOT NULL DEFAULT 0;
-- Until then, somebody names the files anew, or has failed to.
ALTER TABLE voting_hidden_entries ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE voting_hidden_entries DROP COLUMN claimed_until;
ALTER TABLE voting_places DROP COLUMN changes;
