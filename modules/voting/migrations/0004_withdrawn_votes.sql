-- +goose Up
-- When votes that were taken back had been cast first. A vote that is given again keeps that time.
CREATE TABLE voting_withdrawn_votes (
	video_id TEXT   NOT NULL,
	user_id  TEXT   NOT NULL,
	cast_at  BIGINT NOT NULL,
	PRIMARY KEY (video_id, user_id)
);

-- +goose Down
DROP TABLE voting_withdrawn_votes;
