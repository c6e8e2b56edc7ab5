-- +goose Up
-- Programs elsewhere that are told what happens. All times are the database's.
CREATE TABLE webhooks_endpoints (
	id              TEXT    PRIMARY KEY,
	url             TEXT    NOT NULL,
	description     TEXT    NOT NULL,
	kinds           TEXT    NOT NULL,            -- of events, separated by spaces
	state           TEXT    NOT NULL,            -- on, off, failed or gone
	secret          TEXT    NOT NULL,            -- closed in the vault
	previous_secret TEXT    NOT NULL DEFAULT '', -- signs, too, until previous_until
	previous_until  BIGINT  NOT NULL DEFAULT 0,
	created_at      BIGINT  NOT NULL,
	failures        INTEGER NOT NULL DEFAULT 0,  -- since it was last reached
	failing_since   BIGINT  NOT NULL DEFAULT 0,
	last_status     INTEGER NOT NULL DEFAULT 0,  -- of the latest failure; 0: there was no answer
	last_error      TEXT    NOT NULL DEFAULT '',
	next_at         BIGINT  NOT NULL DEFAULT 0,  -- nothing is sent before
	queued_until    BIGINT  NOT NULL DEFAULT 0,  -- until then it is left to the queue
	held_until      BIGINT  NOT NULL DEFAULT 0   -- whoever sends to it has it until then
);

-- What an endpoint is told, or was told: written in the transaction of the act that it is about.
CREATE TABLE webhooks_deliveries (
	id          TEXT    PRIMARY KEY,
	endpoint_id TEXT    NOT NULL,
	event_id    TEXT    NOT NULL,
	kind        TEXT    NOT NULL,
	payload     TEXT    NOT NULL,
	state       TEXT    NOT NULL,                -- waiting, delivered or failed
	tries       INTEGER NOT NULL DEFAULT 0,
	status      INTEGER NOT NULL DEFAULT 0,      -- of the latest try; 0: there was no answer
	error       TEXT    NOT NULL DEFAULT '',
	took_ms     BIGINT  NOT NULL DEFAULT 0,
	created_at  BIGINT  NOT NULL,
	due_at      BIGINT  NOT NULL,
	expires_at  BIGINT  NOT NULL,
	tried_at    BIGINT  NOT NULL DEFAULT 0,
	ended_at    BIGINT  NOT NULL DEFAULT 0,
	CONSTRAINT webhooks_deliveries_endpoint_id_event_id_key UNIQUE (endpoint_id, event_id)
);
CREATE INDEX webhooks_deliveries_due_idx ON webhooks_deliveries (endpoint_id, due_at) WHERE state = 'waiting';
CREATE INDEX webhooks_deliveries_log_idx ON webhooks_deliveries (endpoint_id, id);
CREATE INDEX webhooks_deliveries_ended_idx ON webhooks_deliveries (ended_at) WHERE ended_at > 0;

-- +goose Down
DROP TABLE webhooks_deliveries;
DROP TABLE webhooks_endpoints;
