-- +goose Up
-- Whoever is gone has no votes: they are taken back one by one, and given again if the person returns.
ALTER TABLE voting_owners ADD COLUMN gone BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE voting_departed_votes (
	user_id  TEXT NOT NULL,
	video_id TEXT NOT NULL,
	PRIMARY KEY (user_id, video_id)
);
CREATE INDEX voting_hidden_votes_voter_idx ON voting_hidden_votes (user_id, video_id);
CREATE INDEX voting_withdrawn_votes_voter_idx ON voting_withdrawn_votes (user_id, video_id);

-- +goose Down
DROP INDEX voting_withdrawn_votes_voter_idx;
DROP INDEX voting_hidden_votes_voter_idx;
DROP TABLE voting_departed_votes;
ALTER TABLE voting_owners DROP COLUMN gone;
