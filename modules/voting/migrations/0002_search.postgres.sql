-- +goose NO TRANSACTION

-- +goose Up
-- What people search for may stand anywhere in a word; trigrams find it (https://www.postgresql.org/docs/16/pgtrgm.html).
-- It is a trusted extension: the database's owner may create it, or whoever has CREATE on the database itself.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
-- What a build that broke off has left would count as there.
DROP INDEX CONCURRENTLY IF EXISTS voting_entries_search_idx;
CREATE INDEX CONCURRENTLY voting_entries_search_idx ON voting_entries USING gin (search_text gin_trgm_ops);

-- +goose Down
-- The extension stays: it may have been there before.
DROP INDEX CONCURRENTLY IF EXISTS voting_entries_search_idx;
