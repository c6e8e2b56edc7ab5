-- +goose Up
-- What one owner has uploaded, counted by statements that lock the row: uploads of one owner are inserted one after
-- another. Deleting a video gives nothing back.
CREATE TABLE media_owners (
	owner_id    TEXT    PRIMARY KEY,
	day_began   BIGINT  NOT NULL,
	day_uploads INTEGER NOT NULL
);
-- Bytes of the original that are kept; 0 for videos of the time before.
ALTER TABLE media_videos ADD COLUMN original_bytes BIGINT NOT NULL DEFAULT 0;
-- How often the owner has retried.
ALTER TABLE media_videos ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE media_videos DROP COLUMN retries;
ALTER TABLE media_videos DROP COLUMN original_bytes;
DROP TABLE media_owners;
