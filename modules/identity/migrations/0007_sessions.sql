-- +goose Up
-- Programs' sessions join those of browsers, so that there is one table of what is signed in, and one list for its
-- owner. The table keeps its name, and a row of before stays as it is: an older version that runs beside this one, or
-- takes its place again, goes on reading and writing browsers. What older versions write has no id.
ALTER TABLE identity_browsers ADD COLUMN id TEXT;
ALTER TABLE identity_browsers ADD COLUMN kind TEXT NOT NULL DEFAULT 'browser';
ALTER TABLE identity_browsers ADD COLUMN network TEXT NOT NULL DEFAULT '';
-- A program's token_hash is that of its present refresh token. The one before is known for a moment longer, with what
-- the present one is computed from, together with the one before itself.
ALTER TABLE identity_browsers ADD COLUMN previous_hash TEXT;
ALTER TABLE identity_browsers ADD COLUMN seed TEXT NOT NULL DEFAULT '';
ALTER TABLE identity_browsers ADD COLUMN rotated_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX identity_browsers_id_idx ON identity_browsers (id);
CREATE INDEX identity_browsers_previous_idx ON identity_browsers (previous_hash) WHERE previous_hash IS NOT NULL;

-- +goose Down
DELETE FROM identity_browsers WHERE kind <> 'browser';
DROP INDEX identity_browsers_previous_idx;
DROP INDEX identity_browsers_id_idx;
ALTER TABLE identity_browsers DROP COLUMN rotated_at;
ALTER TABLE identity_browsers DROP COLUMN seed;
ALTER TABLE identity_browsers DROP COLUMN previous_hash;
ALTER TABLE identity_browsers DROP COLUMN network;
ALTER TABLE identity_browsers DROP COLUMN kind;
ALTER TABLE identity_browsers DROP COLUMN id;
