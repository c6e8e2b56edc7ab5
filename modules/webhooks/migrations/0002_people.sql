-- +goose Up
ALTER TABLE webhooks_deliveries ADD COLUMN user_id TEXT NOT NULL DEFAULT ''; -- whom the event is about, or ''
CREATE INDEX webhooks_deliveries_user_idx ON webhooks_deliveries (user_id) WHERE user_id <> '';
DROP INDEX webhooks_deliveries_ended_idx;
CREATE INDEX webhooks_deliveries_created_idx ON webhooks_deliveries (created_at);

-- +goose Down
DROP INDEX webhooks_deliveries_created_idx;
CREATE INDEX webhooks_deliveries_ended_idx ON webhooks_deliveries (ended_at) WHERE ended_at > 0;
DROP INDEX webhooks_deliveries_user_idx;
ALTER TABLE webhooks_deliveries DROP COLUMN user_id;
