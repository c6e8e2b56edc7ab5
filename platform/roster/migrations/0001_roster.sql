-- +goose Up
CREATE TABLE roster_processes (
	id       TEXT    NOT NULL PRIMARY KEY,
	role     TEXT    NOT NULL,
	host     TEXT    NOT NULL,
	pid      INTEGER NOT NULL,
	version  TEXT    NOT NULL,
	jobs     INTEGER NOT NULL,             -- at once; 0: it processes nothing
	doing    TEXT    NOT NULL DEFAULT '',  -- ids, separated by spaces
	since    BIGINT  NOT NULL,
	seen_at  BIGINT  NOT NULL
);

-- +goose Down
DROP TABLE roster_processes;
