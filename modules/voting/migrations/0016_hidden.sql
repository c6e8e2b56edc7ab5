-- +goose Up
-- Entries that are not shown for a while, with their votes: by a moderator, or because their owner is absent. They are
-- apart, so that nothing that reads entries or votes can forget to leave them out, and what counts them stays right.
CREATE TABLE voting_hidden_entries (
	video_id       TEXT    PRIMARY KEY,
	user_id        TEXT    NOT NULL,
	player_name    TEXT    NOT NULL,
	city           TEXT    NOT NULL,
	country        TEXT    NOT NULL,
	title          TEXT    NOT NULL,
	description    TEXT    NOT NULL,
	processed_key  TEXT    NOT NULL,
	poster_key     TEXT    NOT NULL,
	small_key      TEXT    NOT NULL,
	small_width    INTEGER NOT NULL,
	small_height   INTEGER NOT NULL,
	poster_640_key TEXT    NOT NULL,
	poster_320_key TEXT    NOT NULL,
	duration_ms    BIGINT  NOT NULL,
	uploaded_at    BIGINT  NOT NULL,
	published_at   BIGINT  NOT NULL,
	files_missing  BOOLEAN NOT NULL,
	joined_at      BIGINT  NOT NULL, -- of the contestant
	votes          BIGINT  NOT NULL,
	moderated      BOOLEAN NOT NULL, -- a moderator hides it, and not only its owner's absence
	concealed      BOOLEAN NOT NULL DEFAULT FALSE -- nobody knows the names of its files
);
CREATE INDEX voting_hidden_entries_known_idx ON voting_hidden_entries (video_id) WHERE NOT concealed;
CREATE INDEX voting_hidden_entries_user_idx ON voting_hidden_entries (user_id, video_id);

CREATE TABLE voting_hidden_votes (
	video_id      TEXT   NOT NULL,
	user_id       TEXT   NOT NULL,
	contestant_id TEXT   NOT NULL,
	created_at    BIGINT NOT NULL,
	PRIMARY KEY (video_id, user_id)
);

-- Whoever publishes, hides or shows entries locks the row of their owner first.
CREATE TABLE voting_owners (
	user_id TEXT    PRIMARY KEY,
	absent  BOOLEAN NOT NULL
);

-- +goose Down
DROP TABLE voting_owners;
DROP TABLE voting_hidden_votes;
DROP TABLE voting_hidden_entries;
