-- +goose Up
CREATE TABLE voting_entries (
	video_id       TEXT   PRIMARY KEY,
	user_id        TEXT   NOT NULL,
	player_name    TEXT   NOT NULL,
	city           TEXT   NOT NULL,
	city_folded    TEXT   NOT NULL,
	country        TEXT   NOT NULL,
	country_folded TEXT   NOT NULL,
	title          TEXT   NOT NULL,
	description    TEXT   NOT NULL,
	search_text    TEXT   NOT NULL,
	processed_key  TEXT   NOT NULL,
	poster_key     TEXT   NOT NULL,
	duration_ms    BIGINT NOT NULL,
	votes          BIGINT NOT NULL DEFAULT 0 CHECK (votes >= 0),
	uploaded_at    BIGINT NOT NULL,
	published_at   BIGINT NOT NULL
);
CREATE INDEX voting_entries_recent_idx ON voting_entries (published_at DESC, video_id DESC);
CREATE INDEX voting_entries_votes_idx ON voting_entries (votes DESC, published_at, video_id);
CREATE INDEX voting_entries_city_recent_idx ON voting_entries (city_folded, published_at DESC, video_id DESC);
CREATE INDEX voting_entries_city_votes_idx ON voting_entries (city_folded, votes DESC, published_at, video_id);
CREATE INDEX voting_entries_country_recent_idx ON voting_entries (country_folded, published_at DESC, video_id DESC);
CREATE INDEX voting_entries_country_votes_idx ON voting_entries (country_folded, votes DESC, published_at, video_id);

CREATE TABLE voting_votes (
	video_id      TEXT   NOT NULL,
	user_id       TEXT   NOT NULL,
	contestant_id TEXT   NOT NULL,
	created_at    BIGINT NOT NULL,
	PRIMARY KEY (video_id, user_id)
);
CREATE INDEX voting_votes_contestant_idx ON voting_votes (contestant_id, created_at);

CREATE TABLE voting_contestants (
	user_id        TEXT   PRIMARY KEY,
	username       TEXT   NOT NULL,
	city           TEXT   NOT NULL,
	city_folded    TEXT   NOT NULL,
	country        TEXT   NOT NULL,
	country_folded TEXT   NOT NULL,
	entries        BIGINT NOT NULL,
	votes          BIGINT NOT NULL DEFAULT 0 CHECK (votes >= 0),
	joined_at      BIGINT NOT NULL,
	reached_at     BIGINT NOT NULL
);
CREATE INDEX voting_contestants_rank_idx ON voting_contestants (votes DESC, reached_at, user_id);
CREATE INDEX voting_contestants_city_rank_idx ON voting_contestants (city_folded, votes DESC, reached_at, user_id);
CREATE INDEX voting_contestants_country_rank_idx ON voting_contestants (country_folded, votes DESC, reached_at, user_id);

-- +goose Down
DROP TABLE voting_contestants;
DROP TABLE voting_votes;
DROP TABLE voting_entries;
