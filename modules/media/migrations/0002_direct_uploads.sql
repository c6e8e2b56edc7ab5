-- +goose Up
-- Uploads whose bytes go straight to storage. Its id becomes the video's; the row goes in the transaction that makes the video.
CREATE TABLE media_direct_uploads (
	id           TEXT   PRIMARY KEY,
	owner_id     TEXT   NOT NULL,
	title        TEXT   NOT NULL,
	description  TEXT   NOT NULL,
	start_ms     BIGINT NOT NULL,
	storage_key  TEXT   NOT NULL,
	storage_id   TEXT   NOT NULL,
	size_bytes   BIGINT NOT NULL,
	part_bytes   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL
);
CREATE INDEX media_direct_uploads_owner_idx ON media_direct_uploads (owner_id);
CREATE INDEX media_direct_uploads_due_idx ON media_direct_uploads (expires_at);

-- +goose Down
DROP TABLE media_direct_uploads;
