-- +goose Up
-- What somebody may do beyond what everybody may. It is read at each act, so that taking a role away works at once.
CREATE TABLE identity_roles (
	user_id    TEXT   NOT NULL,
	role       TEXT   NOT NULL,
	granted_at BIGINT NOT NULL,
	PRIMARY KEY (user_id, role)
);
CREATE INDEX identity_roles_role_idx ON identity_roles (role, user_id);

-- Accounts that are suspended at the moment; those of the past are in the log. until is 0 if it has no end.
CREATE TABLE identity_suspensions (
	user_id      TEXT   PRIMARY KEY,
	reason       TEXT   NOT NULL,
	suspended_at BIGINT NOT NULL,
	until        BIGINT NOT NULL
);

-- Every act by a role. actor is an account's id, or "console" or "clock". It has no names, which may have to be
-- forgotten. Rows are only added.
CREATE TABLE identity_log (
	id           TEXT   PRIMARY KEY,
	at           BIGINT NOT NULL,
	actor        TEXT   NOT NULL,
	act          TEXT   NOT NULL,
	subject      TEXT   NOT NULL,
	state_before TEXT   NOT NULL,
	state_after  TEXT   NOT NULL,
	reason       TEXT   NOT NULL
);
CREATE INDEX identity_log_at_idx ON identity_log (at, id);
CREATE INDEX identity_log_actor_idx ON identity_log (actor, at, id);
CREATE INDEX identity_log_subject_idx ON identity_log (subject, at, id);

-- +goose Down
DROP TABLE identity_log;
DROP TABLE identity_suspensions;
DROP TABLE identity_roles;
