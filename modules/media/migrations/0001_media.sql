-- +goose Up
CREATE TABLE media_videos (
	id            TEXT    PRIMARY KEY,
	owner_id      TEXT    NOT NULL,
	title         TEXT    NOT NULL,
	description   TEXT    NOT NULL,
	status        TEXT    NOT NULL,
	stage         TEXT    NOT NULL DEFAULT '',
	progress      INTEGER NOT NULL DEFAULT 0,
	attempt       INTEGER NOT NULL DEFAULT 0,
	lease_until   BIGINT  NOT NULL DEFAULT 0,
	sent_at       BIGINT  NOT NULL DEFAULT 0,
	mock          BOOLEAN NOT NULL DEFAULT FALSE,
	original_key  TEXT    NOT NULL,
	processed_key TEXT    NOT NULL DEFAULT '',
	poster_key    TEXT    NOT NULL DEFAULT '',
	start_ms      BIGINT  NOT NULL DEFAULT 0,
	duration_ms   BIGINT  NOT NULL DEFAULT 0,
	failure_code  TEXT    NOT NULL DEFAULT '',
	uploaded_at   BIGINT  NOT NULL,
	processed_at  BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX media_videos_owner_idx ON media_videos (owner_id, uploaded_at DESC, id DESC);
-- For the sweeper. It has few rows at any time, however many videos there are. The query repeats its condition literally.
CREATE INDEX media_videos_waiting_idx ON media_videos (sent_at) WHERE status IN ('uploaded', 'processing') AND NOT mock;

-- Orphans: files that no video points to yet, or any more. They are deleted after delete_after.
CREATE TABLE media_unclaimed_files (
	storage_key  TEXT   PRIMARY KEY,
	delete_after BIGINT NOT NULL
);
CREATE INDEX media_unclaimed_files_due_idx ON media_unclaimed_files (delete_after);

-- +goose Down
DROP TABLE media_unclaimed_files;
DROP TABLE media_videos;
