-- +goose Up
-- The text.FoldVersion of the folded columns of an entry and its contestant. 0 means that a binary wrote them that does
-- not know the column.
ALTER TABLE voting_entries ADD COLUMN fold_version INTEGER NOT NULL DEFAULT 0;
-- Empty while nothing has to be folded again. The query repeats its condition literally.
CREATE INDEX voting_entries_fold_idx ON voting_entries (video_id) WHERE fold_version < 1;

-- +goose Down
DROP INDEX voting_entries_fold_idx;
ALTER TABLE voting_entries DROP COLUMN fold_version;
