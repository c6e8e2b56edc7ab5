-- +goose Up
-- Videos that a moderator hides at the moment, and why. Those of the past are in the log of acts.
CREATE TABLE moderation_hidings (
	video_id  TEXT   PRIMARY KEY,
	reason    TEXT   NOT NULL,
	words     TEXT   NOT NULL,
	hidden_at BIGINT NOT NULL
);

-- What people report. reporter is an account's id, or "mail:" and an e-mail in lower case. decision is empty while
-- nobody has decided.
CREATE TABLE moderation_reports (
	id              TEXT   PRIMARY KEY,
	video_id        TEXT   NOT NULL,
	reporter        TEXT   NOT NULL,
	reason          TEXT   NOT NULL,
	words           TEXT   NOT NULL,
	reported_at     BIGINT NOT NULL,
	decision        TEXT   NOT NULL DEFAULT '',
	decided_by      TEXT   NOT NULL DEFAULT '',
	decided_at      BIGINT NOT NULL DEFAULT 0,
	decision_reason TEXT   NOT NULL DEFAULT '',
	CONSTRAINT moderation_reports_video_id_reporter_key UNIQUE (video_id, reporter)
);
CREATE INDEX moderation_reports_state_idx ON moderation_reports (decision, reported_at, id);
CREATE INDEX moderation_reports_video_idx ON moderation_reports (video_id, decision);

-- +goose Down
DROP TABLE moderation_reports;
DROP TABLE moderation_hidings;
