-- +goose Up
-- The votes for every entry, in rows as narrow as can be: a vote changes no index and nothing wide. PostgreSQL then
-- writes the new version of a row into the same page (https://www.postgresql.org/docs/current/storage-hot.html), for
-- which fillfactor leaves room. The triggers keep votes equal to the rows of voting_votes at every commit, whoever
-- writes them. listed_votes is what the lists by votes are sorted by; behind says that it differs from votes.
CREATE TABLE voting_tallies (
	video_id       TEXT    PRIMARY KEY,
	votes          BIGINT  NOT NULL CHECK (votes >= 0),
	listed_votes   BIGINT  NOT NULL,
	behind         BOOLEAN NOT NULL DEFAULT FALSE,
	city_folded    TEXT    NOT NULL,
	country_folded TEXT    NOT NULL,
	published_at   BIGINT  NOT NULL
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE FUNCTION voting_count_votes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	entry RECORD;
BEGIN
	-- One after the other, so that those who vote for several entries at once lock them in the same order.
	FOR entry IN SELECT video_id, COUNT(*) AS votes FROM voting_changed GROUP BY video_id ORDER BY video_id LOOP
		UPDATE voting_tallies
		SET votes = votes + CASE TG_OP WHEN 'INSERT' THEN entry.votes ELSE -entry.votes END, behind = TRUE
		WHERE video_id = entry.video_id;
	END LOOP;
	RETURN NULL;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION voting_keep_tally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE TG_OP
	WHEN 'INSERT' THEN
		INSERT INTO voting_tallies (video_id, votes, listed_votes, city_folded, country_folded, published_at)
		VALUES (NEW.video_id, NEW.votes, NEW.votes, NEW.city_folded, NEW.country_folded, NEW.published_at);
	WHEN 'UPDATE' THEN
		UPDATE voting_tallies SET city_folded = NEW.city_folded, country_folded = NEW.country_folded
		WHERE video_id = NEW.video_id;
	ELSE
		DELETE FROM voting_tallies WHERE video_id = OLD.video_id AND votes = 0;
		IF EXISTS (SELECT 1 FROM voting_tallies WHERE video_id = OLD.video_id) THEN
			RAISE EXCEPTION 'entry % has votes', OLD.video_id;
		END IF;
	END CASE;
	RETURN NULL;
END
$$;
-- +goose StatementEnd

-- The votes come first, as they do in every transaction. Nobody votes from here until the commit.
CREATE TRIGGER voting_votes_added AFTER INSERT ON voting_votes
	REFERENCING NEW TABLE voting_changed FOR EACH STATEMENT EXECUTE FUNCTION voting_count_votes();
CREATE TRIGGER voting_votes_removed AFTER DELETE ON voting_votes
	REFERENCING OLD TABLE voting_changed FOR EACH STATEMENT EXECUTE FUNCTION voting_count_votes();
CREATE TRIGGER voting_entries_kept AFTER INSERT OR DELETE ON voting_entries
	FOR EACH ROW EXECUTE FUNCTION voting_keep_tally();
CREATE TRIGGER voting_entries_moved AFTER UPDATE OF city_folded, country_folded ON voting_entries
	FOR EACH ROW WHEN ((OLD.city_folded, OLD.country_folded) IS DISTINCT FROM (NEW.city_folded, NEW.country_folded))
	EXECUTE FUNCTION voting_keep_tally();
INSERT INTO voting_tallies (video_id, votes, listed_votes, city_folded, country_folded, published_at)
	SELECT video_id, votes, votes, city_folded, country_folded, published_at FROM voting_entries;
CREATE INDEX voting_tallies_idx ON voting_tallies (listed_votes DESC, published_at, video_id);
CREATE INDEX voting_tallies_city_idx ON voting_tallies (city_folded, listed_votes DESC, published_at, video_id);
CREATE INDEX voting_tallies_country_idx ON voting_tallies (country_folded, listed_votes DESC, published_at, video_id);
CREATE INDEX voting_tallies_behind_idx ON voting_tallies (video_id) WHERE behind;

-- The same for contestants: votes and reached_at are in no index any more.
ALTER TABLE voting_contestants
	ADD COLUMN listed_votes BIGINT NOT NULL DEFAULT 0,
	ADD COLUMN listed_at BIGINT NOT NULL DEFAULT 0,
	ADD COLUMN behind BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE voting_contestants SET (fillfactor = 70);
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
-- Processes of the version before do not know the column behind.
-- +goose StatementBegin
CREATE FUNCTION voting_note_behind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.behind := TRUE;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER voting_contestants_counted BEFORE UPDATE OF votes, reached_at ON voting_contestants
	FOR EACH ROW EXECUTE FUNCTION voting_note_behind();

-- The column voting_entries.votes stays for the processes of the version before, which go on counting in it until they
-- have been replaced, without what others count meanwhile.
ALTER TABLE voting_entries DROP CONSTRAINT voting_entries_votes_check;
DROP INDEX voting_entries_votes_idx;
DROP INDEX voting_entries_city_votes_idx;
DROP INDEX voting_entries_country_votes_idx;

-- +goose Down
DROP TRIGGER voting_votes_added ON voting_votes;
DROP TRIGGER voting_votes_removed ON voting_votes;
DROP TRIGGER voting_entries_kept ON voting_entries;
DROP TRIGGER voting_entries_moved ON voting_entries;
DROP TRIGGER voting_contestants_counted ON voting_contestants;
DROP FUNCTION voting_count_votes();
DROP FUNCTION voting_note_behind();
DROP FUNCTION voting_keep_tally();
UPDATE voting_entries e SET votes = t.votes
	FROM voting_tallies t WHERE t.video_id = e.video_id AND t.votes <> e.votes;
ALTER TABLE voting_entries ADD CONSTRAINT voting_entries_votes_check CHECK (votes >= 0);
CREATE INDEX voting_entries_votes_idx ON voting_entries (votes DESC, published_at, video_id);
CREATE INDEX voting_entries_city_votes_idx ON voting_entries (city_folded, votes DESC, published_at, video_id);
CREATE INDEX voting_entries_country_votes_idx ON voting_entries (country_folded, votes DESC, published_at, video_id);
DROP TABLE voting_tallies;
DROP INDEX voting_contestants_rank_idx;
DROP INDEX voting_contestants_city_rank_idx;
DROP INDEX voting_contestants_country_rank_idx;
DROP INDEX voting_contestants_behind_idx;
ALTER TABLE voting_contestants DROP COLUMN listed_votes, DROP COLUMN listed_at, DROP COLUMN behind;
CREATE INDEX voting_contestants_rank_idx ON voting_contestants (votes DESC, reached_at, user_id);
CREATE INDEX voting_contestants_city_rank_idx ON voting_contestants (city_folded, votes DESC, reached_at, user_id);
CREATE INDEX voting_contestants_country_rank_idx ON voting_contestants (country_folded, votes DESC, reached_at, user_id);
