-- +goose Up
ALTER TABLE queue_tasks ADD COLUMN redriven BOOLEAN NOT NULL DEFAULT FALSE; -- since it died last

-- +goose Down
ALTER TABLE queue_tasks DROP COLUMN redriven;
