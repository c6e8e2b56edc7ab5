-- +goose Up
-- Uploads whose bytes go straight to storage. An upload's id becomes the video's; the transaction that inserts the video
-- deletes the upload.
CREATE TABLE media_direct_uploads (
	id           TEXT   PRIMARY KEY,
	owner_id     TEXT   NOT NULL,
	slot         INTEGER NOT NULL,
	title        TEXT   NOT NULL,
	description  TEXT   NOT NULL,
	start_ms     BIGINT NOT NULL,
	storage_key  TEXT   NOT NULL,
	storage_id   TEXT   NOT NULL,
	size_bytes   BIGINT NOT NULL,
	part_bytes   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	-- Slots are numbered, so that nobody can have more uploads than there are numbers, however many begin at once.
	CONSTRAINT media_direct_uploads_slot_key UNIQUE (owner_id, slot)
);
CREATE INDEX media_direct_uploads_due_idx ON media_direct_uploads (expires_at);

-- +goose Down
DROP TABLE media_direct_uploads;
