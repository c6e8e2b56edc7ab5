-- +goose Up
-- The votes for every entry, in rows as narrow as can be: a vote changes no index and nothing wide. The triggers keep
-- votes equal to the rows of voting_votes, whoever writes them. listed_votes is what the lists by votes are sorted by;
-- behind says that it differs from votes.
CREATE TABLE voting_tallies (
	video_id       TEXT    PRIMARY KEY,
	votes          BIGINT  NOT NULL CHECK (votes >= 0),
	listed_votes   BIGINT  NOT NULL,
	behind         BOOLEAN NOT NULL DEFAULT FALSE,
	city_folded    TEXT    NOT NULL,
	country_folded TEXT    NOT NULL,
	published_at   BIGINT  NOT NULL
);
INSERT INTO voting_tallies (video_id, votes, listed_votes, city_folded, country_folded, published_at)
	SELECT video_id, votes, votes, city_folded, country_folded, published_at FROM voting_entries;
CREATE INDEX voting_tallies_idx ON voting_tallies (listed_votes DESC, published_at, video_id);
CREATE INDEX voting_tallies_city_idx ON voting_tallies (city_folded, listed_votes DESC, published_at, video_id);
CREATE INDEX voting_tallies_country_idx ON voting_tallies (country_folded, listed_votes DESC, published_at, video_id);
CREATE INDEX voting_tallies_behind_idx ON voting_tallies (video_id) WHERE behind;

-- +goose StatementBegin
CREATE TRIGGER voting_votes_added AFTER INSERT ON voting_votes BEGIN
	UPDATE voting_tallies SET votes = votes + 1, behind = TRUE WHERE video_id = new.video_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_votes_removed AFTER DELETE ON voting_votes BEGIN
	UPDATE voting_tallies SET votes = votes - 1, behind = TRUE WHERE video_id = old.video_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_entries_kept AFTER INSERT ON voting_entries BEGIN
	INSERT INTO voting_tallies (video_id, votes, listed_votes, city_folded, country_folded, published_at)
	VALUES (new.video_id, new.votes, new.votes, new.city_folded, new.country_folded, new.published_at);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_entries_moved AFTER UPDATE OF city_folded, country_folded ON voting_entries
WHEN (old.city_folded, old.country_folded) <> (new.city_folded, new.country_folded) BEGIN
	UPDATE voting_tallies SET city_folded = new.city_folded, country_folded = new.country_folded
	WHERE video_id = new.video_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_entries_dropped AFTER DELETE ON voting_entries BEGIN
	SELECT RAISE(ABORT, 'the entry has votes')
	WHERE EXISTS (SELECT 1 FROM voting_tallies WHERE video_id = old.video_id AND votes > 0);
	DELETE FROM voting_tallies WHERE video_id = old.video_id;
END;
-- +goose StatementEnd

-- The same for contestants: votes and reached_at are in no index any more.
ALTER TABLE voting_contestants ADD COLUMN listed_votes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE voting_contestants ADD COLUMN listed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE voting_contestants ADD COLUMN behind BOOLEAN NOT NULL DEFAULT TRUE;
UPDATE voting_contestants SET listed_votes = votes, listed_at = reached_at, behind = FALSE;
DROP INDEX voting_contestants_rank_idx;
DROP INDEX voting_contestants_city_rank_idx;
DROP INDEX voting_contestants_country_rank_idx;
CREATE INDEX voting_contestants_rank_idx ON voting_contestants (listed_votes DESC, listed_at, user_id);
CREATE INDEX voting_contestants_city_rank_idx
	ON voting_contestants (city_folded, listed_votes DESC, listed_at, user_id);
CREATE INDEX voting_contestants_country_rank_idx
	ON voting_contestants (country_folded, listed_votes DESC, listed_at, user_id);
CREATE INDEX voting_contestants_behind_idx ON voting_contestants (user_id) WHERE behind;

-- The column voting_entries.votes stays, so that the tables are the same in both databases.
DROP INDEX voting_entries_votes_idx;
DROP INDEX voting_entries_city_votes_idx;
DROP INDEX voting_entries_country_votes_idx;

-- +goose Down
DROP TRIGGER voting_votes_added;
DROP TRIGGER voting_votes_removed;
DROP TRIGGER voting_entries_kept;
DROP TRIGGER voting_entries_moved;
DROP TRIGGER voting_entries_dropped;
UPDATE voting_entries SET votes = (SELECT t.votes FROM voting_tallies t WHERE t.video_id = voting_entries.video_id);
CREATE INDEX voting_entries_votes_idx ON voting_entries (votes DESC, published_at, video_id);
CREATE INDEX voting_entries_city_votes_idx ON voting_entries (city_folded, votes DESC, published_at, video_id);
CREATE INDEX voting_entries_country_votes_idx ON voting_entries (country_folded, votes DESC, published_at, video_id);
DROP TABLE voting_tallies;
DROP INDEX voting_contestants_rank_idx;
DROP INDEX voting_contestants_city_rank_idx;
DROP INDEX voting_contestants_country_rank_idx;
DROP INDEX voting_contestants_behind_idx;
ALTER TABLE voting_contestants DROP COLUMN listed_votes;
ALTER TABLE voting_contestants DROP COLUMN listed_at;
ALTER TABLE voting_contestants DROP COLUMN behind;
CREATE INDEX voting_contestants_rank_idx ON voting_contestants (votes DESC, reached_at, user_id);
CREATE INDEX voting_contestants_city_rank_idx ON voting_contestants (city_folded, votes DESC, reached_at, user_id);
CREATE INDEX voting_contestants_country_rank_idx ON voting_contestants (country_folded, votes DESC, reached_at, user_id);
