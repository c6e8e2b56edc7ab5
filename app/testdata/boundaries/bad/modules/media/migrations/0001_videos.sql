-- +goose Up
CREATE TABLE media_videos (id TEXT PRIMARY KEY, entry TEXT REFERENCES voting_entries (id));
create table if not exists originals (id TEXT);
CREATE INDEX media_videos_x ON uploads (id);
-- +goose Down
DROP TABLE media_videos;
TRUNCATE TABLE bumpers;
