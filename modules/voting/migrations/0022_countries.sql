-- +goose Up
-- Since version 2, a country is folded by its name in Spanish, whatever names it. Empty while nothing has to be folded
-- again. The query repeats its condition literally. voting_entries_fold_idx is for binaries of before.
CREATE INDEX voting_entries_fold2_idx ON voting_entries (video_id) WHERE fold_version < 2;

-- +goose Down
DROP INDEX voting_entries_fold2_idx;
