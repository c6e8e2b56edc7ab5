-- +goose Up
-- The rendition for phones and the smaller posters, named by their width; '' for clips of the time before.
ALTER TABLE media_videos ADD COLUMN small_key TEXT NOT NULL DEFAULT '';
ALTER TABLE media_videos ADD COLUMN small_width INTEGER NOT NULL DEFAULT 0;
ALTER TABLE media_videos ADD COLUMN small_height INTEGER NOT NULL DEFAULT 0;
ALTER TABLE media_videos ADD COLUMN poster_640_key TEXT NOT NULL DEFAULT '';
ALTER TABLE media_videos ADD COLUMN poster_320_key TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE media_videos DROP COLUMN poster_320_key;
ALTER TABLE media_videos DROP COLUMN poster_640_key;
ALTER TABLE media_videos DROP COLUMN small_height;
ALTER TABLE media_videos DROP COLUMN small_width;
ALTER TABLE media_videos DROP COLUMN small_key;
