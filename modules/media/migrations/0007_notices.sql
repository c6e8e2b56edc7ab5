-- +goose Up
-- What the published clip lacks of the original: the names of notices, separated by spaces.
ALTER TABLE media_videos ADD COLUMN notices TEXT NOT NULL DEFAULT '';
-- What the sentence about a failure names, such as a codec.
ALTER TABLE media_videos ADD COLUMN failure_subject TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE media_videos DROP COLUMN failure_subject;
ALTER TABLE media_videos DROP COLUMN notices;
