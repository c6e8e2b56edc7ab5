-- +goose Up
-- A person's votes, the latest first.
CREATE INDEX voting_votes_voter_idx ON voting_votes (user_id, created_at, video_id);

-- +goose Down
DROP INDEX voting_votes_voter_idx;
