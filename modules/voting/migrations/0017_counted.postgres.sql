-- +goose Up
-- An entry can be hidden and shown again while a vote waits for its tally, which is another row then. Such a vote must
-- not be stored without being counted: its transaction is rolled back as a serialization conflict, and begins anew.
-- Whoever stores votes before their entries, as app seed does, says so.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION voting_count_votes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	entry RECORD;
BEGIN
	-- One after the other, so that those who vote for several entries at once lock them in the same order.
	FOR entry IN SELECT video_id, COUNT(*) AS votes FROM voting_changed GROUP BY video_id ORDER BY video_id LOOP
		UPDATE voting_tallies
		SET votes = votes + CASE TG_OP WHEN 'INSERT' THEN entry.votes ELSE -entry.votes END, behind = TRUE
		WHERE video_id = entry.video_id;
		IF NOT FOUND AND current_setting('voting.entries_follow', TRUE) IS DISTINCT FROM 'on' THEN
			RAISE EXCEPTION 'entry % is not shown', entry.video_id USING ERRCODE = '40001';
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION voting_count_votes() RETURNS trigger LANGUAGE plpgsql AS $$
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
