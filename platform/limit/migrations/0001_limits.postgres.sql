-- +goose Up
-- Counts may be lost, so these tables are not logged: a crash or a failover empties them. The room on each page lets an
-- update stay on it.
CREATE UNLOGGED TABLE limit_rates (
	id       TEXT    PRIMARY KEY,
	full_at  BIGINT  NOT NULL -- when the whole burst is available again
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE limit_holds (
	id      TEXT    NOT NULL,
	holder  TEXT    NOT NULL,
	until   BIGINT  NOT NULL, -- when the lease lapses
	PRIMARY KEY (id, holder)
);

-- +goose Down
DROP TABLE limit_holds;
DROP TABLE limit_rates;
