-- +goose Up
-- Requests for a new password, as they were typed. A worker deletes each as it writes the letter, if anybody has the
-- e-mail: so the answer takes as long for an e-mail without an account.
CREATE TABLE identity_forgotten (
	id         TEXT   NOT NULL PRIMARY KEY,
	email      TEXT   NOT NULL,
	created_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE identity_forgotten;
