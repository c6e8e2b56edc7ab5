-- +goose Up
-- Letters, kept in the transaction of the act that they are about. Once a letter is sent or given up, only that remains:
-- neither whom it was for nor what it said.
CREATE TABLE mail_letters (
	id         TEXT    NOT NULL PRIMARY KEY, -- of the act
	template   TEXT    NOT NULL,
	recipient  TEXT    NOT NULL,
	language   TEXT    NOT NULL,
	details    TEXT    NOT NULL,             -- what the template says, in JSON
	state      TEXT    NOT NULL,             -- waiting, sent, failed or dead
	tries      INTEGER NOT NULL DEFAULT 0,
	held_until BIGINT  NOT NULL DEFAULT 0,   -- whoever sends it has it until then
	due_at     BIGINT  NOT NULL,             -- when the sweeper sends it, if nobody has
	created_at BIGINT  NOT NULL,
	expires_at BIGINT  NOT NULL,             -- when it is pointless
	ended_at   BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX mail_letters_due_idx ON mail_letters (due_at) WHERE state = 'waiting';
CREATE INDEX mail_letters_ended_idx ON mail_letters (ended_at) WHERE ended_at > 0;

-- +goose Down
DROP TABLE mail_letters;
