-- +goose Up
-- The traceparent of the request that the processing is for, so that a task that is sent again belongs to its trace.
ALTER TABLE media_videos ADD COLUMN trace TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE media_videos DROP COLUMN trace;
