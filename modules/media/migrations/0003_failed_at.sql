-- +goose Up
-- When a video failed; 0: it has not, or the sweeper has yet to record it.
ALTER TABLE media_videos ADD COLUMN failed_at BIGINT NOT NULL DEFAULT 0;
-- For the sweeper. An original that has been deleted has no key. The query repeats the condition literally.
CREATE INDEX media_videos_failed_idx ON media_videos (failed_at) WHERE status = 'failed' AND original_key <> '';

-- +goose Down
DROP INDEX media_videos_failed_idx;
ALTER TABLE media_videos DROP COLUMN failed_at;
