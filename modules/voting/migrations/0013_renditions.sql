-- +goose Up
-- As in the table of videos: the rendition for phones and the smaller posters.
ALTER TABLE voting_entries ADD COLUMN small_key TEXT NOT NULL DEFAULT '';
ALTER TABLE voting_entries ADD COLUMN small_width INTEGER NOT NULL DEFAULT 0;
ALTER TABLE voting_entries ADD COLUMN small_height INTEGER NOT NULL DEFAULT 0;
ALTER TABLE voting_entries ADD COLUMN poster_640_key TEXT NOT NULL DEFAULT '';
ALTER TABLE voting_entries ADD COLUMN poster_320_key TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE voting_entries DROP COLUMN poster_320_key;
ALTER TABLE voting_entries DROP COLUMN poster_640_key;
ALTER TABLE voting_entries DROP COLUMN small_height;
ALTER TABLE voting_entries DROP COLUMN small_width;
ALTER TABLE voting_entries DROP COLUMN small_key;
