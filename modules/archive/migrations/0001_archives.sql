-- +goose Up
-- Copies that people have asked for of what is kept about them. The file of each is named by its id.
CREATE TABLE archive_copies (
	id         TEXT    PRIMARY KEY,
	user_id    TEXT    NOT NULL,
	state      TEXT    NOT NULL,           -- waiting, making, ready, failed or over
	attempt    INTEGER NOT NULL DEFAULT 0,
	held_until BIGINT  NOT NULL DEFAULT 0, -- by the worker that makes it
	sent_at    BIGINT  NOT NULL DEFAULT 0,
	created_at BIGINT  NOT NULL,
	ready_at   BIGINT  NOT NULL DEFAULT 0,
	expires_at BIGINT  NOT NULL DEFAULT 0,
	size_bytes BIGINT  NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX archive_copies_open_key ON archive_copies (user_id) WHERE state IN ('waiting', 'making');
CREATE INDEX archive_copies_user_idx ON archive_copies (user_id, created_at);
CREATE INDEX archive_copies_state_idx ON archive_copies (state, expires_at);

-- +goose Down
DROP TABLE archive_copies;
