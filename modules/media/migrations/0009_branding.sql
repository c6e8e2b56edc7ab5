-- +goose Up
-- The hash of the branding that a published clip shows; '': unknown, from before this column.
ALTER TABLE media_videos ADD COLUMN branding TEXT NOT NULL DEFAULT '';
-- How long the job of the published clip took, in milliseconds; 0: unknown.
ALTER TABLE media_videos ADD COLUMN work_ms BIGINT NOT NULL DEFAULT 0;
-- Published videos that are to get another branding. The video stays processed; its row says when it is done.
CREATE TABLE media_rebrands (
	video_id    TEXT    PRIMARY KEY,
	branding    TEXT    NOT NULL,
	attempt     INTEGER NOT NULL DEFAULT 0,
	tries       INTEGER NOT NULL DEFAULT 0, -- attempts that count: not those that a stopping worker gave back
	lease_until BIGINT  NOT NULL DEFAULT 0,
	sent_at     BIGINT  NOT NULL DEFAULT 0,
	failure     TEXT    NOT NULL DEFAULT '' -- for the operator; nothing is tried any more
);
-- For the sweeper. The queries repeat the condition literally.
CREATE INDEX media_rebrands_due_idx ON media_rebrands (sent_at, video_id) WHERE failure = '';

-- +goose Down
DROP TABLE media_rebrands;
ALTER TABLE media_videos DROP COLUMN work_ms;
ALTER TABLE media_videos DROP COLUMN branding;
