-- +goose Up
-- Accounts that their owners have deleted. For some days each can come back; meanwhile it is as if it were gone: it has
-- neither e-mail nor password, which wait here. All times are the database's clock.
ALTER TABLE identity_users ADD COLUMN left_at BIGINT NOT NULL DEFAULT 0;
-- When it last came back: what was noted elsewhere of a deletion before that does not count.
ALTER TABLE identity_users ADD COLUMN returned_at BIGINT NOT NULL DEFAULT 0;
CREATE TABLE identity_departures (
	user_id           TEXT   PRIMARY KEY,
	state             TEXT   NOT NULL, -- leaving, returning or erasing
	email             TEXT   NOT NULL,
	email_verified_at BIGINT NOT NULL,
	password_hash     TEXT   NOT NULL,
	left_at           BIGINT NOT NULL,
	erase_at          BIGINT NOT NULL,
	due_at            BIGINT NOT NULL  -- when somebody looks at it next
);
CREATE INDEX identity_departures_due_idx ON identity_departures (due_at);

-- +goose Down
DROP TABLE identity_departures;
ALTER TABLE identity_users DROP COLUMN returned_at;
ALTER TABLE identity_users DROP COLUMN left_at;
