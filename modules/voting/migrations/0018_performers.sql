-- +goose Up
-- A performer's entries, the latest first.
CREATE INDEX voting_entries_performer_idx ON voting_entries (user_id, published_at, video_id);

-- +goose Down
DROP INDEX voting_entries_performer_idx;
