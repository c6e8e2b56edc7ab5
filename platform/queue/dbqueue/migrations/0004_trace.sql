-- +goose Up
ALTER TABLE queue_tasks ADD COLUMN trace TEXT NOT NULL DEFAULT ''; -- the traceparent of the span that it belongs to

-- +goose Down
ALTER TABLE queue_tasks DROP COLUMN trace;
