-- +goose Up
-- Once an orphan is being deleted, nothing may adopt it any more. delete_after is then when to try again.
ALTER TABLE media_unclaimed_files ADD COLUMN deleting BOOLEAN NOT NULL DEFAULT FALSE;
-- How often somebody has begun to delete it.
ALTER TABLE media_unclaimed_files ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
-- The same for the rest of a cancelled upload.
ALTER TABLE media_direct_uploads ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE media_direct_uploads ADD COLUMN retry_at BIGINT NOT NULL DEFAULT 0;
-- How many of a video's attempts do not count against it: those before its latest retry, and those given back.
ALTER TABLE media_videos ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;
-- The attempt that was under way when the video's task died; 0: none.
ALTER TABLE media_videos ADD COLUMN dead_attempt INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE media_videos DROP COLUMN dead_attempt;
ALTER TABLE media_videos DROP COLUMN forgiven;
ALTER TABLE media_direct_uploads DROP COLUMN retry_at;
ALTER TABLE media_direct_uploads DROP COLUMN tries;
ALTER TABLE media_unclaimed_files DROP COLUMN tries;
ALTER TABLE media_unclaimed_files DROP COLUMN deleting;
