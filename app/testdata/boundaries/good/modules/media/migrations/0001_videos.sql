-- +goose Up
-- Copied from voting_entries: a comment may name another module's table.
CREATE TABLE IF NOT EXISTS media_videos (
	id TEXT PRIMARY KEY,
	note TEXT NOT NULL DEFAULT 'see voting_entries'
);
CREATE UNIQUE INDEX media_videos_note ON media_videos (note);
-- +goose Down
DROP TABLE media_videos;
