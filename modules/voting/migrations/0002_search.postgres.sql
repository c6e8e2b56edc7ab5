-- +goose NO TRANSACTION

-- +goose Up
-- A trigram index finds text anywhere in a word (https://www.postgresql.org/docs/16/pgtrgm.html). The extension is a
-- trusted one, so any role with the CREATE privilege on the database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
-- An invalid index left by an interrupted build would count as existing.
DROP INDEX CONCURRENTLY IF EXISTS voting_entries_search_idx;
CREATE INDEX CONCURRENTLY voting_entries_search_idx ON voting_entries USING gin (search_text gin_trgm_ops);

-- +goose Down
-- The extension stays: it may have been there before.
DROP INDEX CONCURRENTLY IF EXISTS voting_entries_search_idx;
