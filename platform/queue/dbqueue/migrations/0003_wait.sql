-- +goose Up
-- How far after the write of due_at that time was, in microseconds. Rows of an older binary keep an hour.
ALTER TABLE queue_tasks ADD COLUMN wait_us BIGINT NOT NULL DEFAULT 3600000000;

-- +goose Down
ALTER TABLE queue_tasks DROP COLUMN wait_us;
