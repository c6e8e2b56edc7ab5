-- +goose Up
CREATE TABLE queue_tasks (
	kind        TEXT     NOT NULL,
	id          TEXT     NOT NULL,
	payload     BYTEA    NOT NULL,
	state       TEXT     NOT NULL CHECK (state IN ('waiting', 'running', 'dead')),
	due_at      BIGINT   NOT NULL,             -- waiting: may start from then on; running: the lease lapses
	attempts    INTEGER  NOT NULL DEFAULT 0,
	lapses      INTEGER  NOT NULL DEFAULT 0,
	token       TEXT     NOT NULL DEFAULT '',  -- of the lease, when running
	reason      TEXT     NOT NULL DEFAULT '',  -- of the last failure
	died_at     BIGINT   NOT NULL DEFAULT 0,
	PRIMARY KEY (kind, id)
);

-- A lapsed lease is due like any waiting task, so one index finds both.
CREATE INDEX queue_tasks_due_idx ON queue_tasks (due_at, id) WHERE state <> 'dead';
CREATE INDEX queue_tasks_dead_idx ON queue_tasks (died_at) WHERE state = 'dead';

-- +goose Down
DROP TABLE queue_tasks;
