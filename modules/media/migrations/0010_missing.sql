-- +goose Up
ALTER TABLE media_videos ADD COLUMN missing_since BIGINT NOT NULL DEFAULT 0; -- a published file is gone; 0: none is
CREATE INDEX media_videos_missing_idx ON media_videos (id) WHERE missing_since > 0;

-- +goose Down
DROP INDEX media_videos_missing_idx;
ALTER TABLE media_videos DROP COLUMN missing_since;
