-- +goose Up
-- When a worker last began a video of this owner: among owners with equally many jobs, the one who waited longest is next.
CREATE TABLE media_turns (
	owner_id  TEXT   PRIMARY KEY,
	served_at BIGINT NOT NULL
);
-- For the next job and the places in the queue. The queries repeat the conditions literally.
CREATE INDEX media_videos_queue_idx ON media_videos (owner_id, uploaded_at, id) WHERE status = 'uploaded' AND NOT mock;
CREATE INDEX media_videos_under_way_idx ON media_videos (owner_id) WHERE status = 'processing';

-- +goose Down
DROP INDEX media_videos_under_way_idx;
DROP INDEX media_videos_queue_idx;
DROP TABLE media_turns;
