-- +goose Up
-- How many entries and contestants there are in every place, so that no list has to be counted. The triggers keep the
-- numbers equal to the rows at every commit, whoever writes them. A star stands for all cities or all countries; no
-- folded text has one.
CREATE TABLE voting_places (
	city_folded    TEXT   NOT NULL,
	country_folded TEXT   NOT NULL,
	entries        BIGINT NOT NULL,
	contestants    BIGINT NOT NULL,
	PRIMARY KEY (city_folded, country_folded)
) WITH (fillfactor = 50);

-- +goose StatementBegin
CREATE FUNCTION voting_count_place(city TEXT, country TEXT, more_entries BIGINT, more_contestants BIGINT)
RETURNS void LANGUAGE sql AS $$
	-- In the order of voting_count_places, whose first row is the same for all.
	INSERT INTO voting_places AS p
	VALUES ('*', '*', more_entries, more_contestants), ('*', country, more_entries, more_contestants),
		(city, '*', more_entries, more_contestants), (city, country, more_entries, more_contestants)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
		SET entries = p.entries + excluded.entries, contestants = p.contestants + excluded.contestants
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION voting_count_places() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	more BIGINT := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
	-- Whoever changes a list waits here for whoever does at the same time, as all change the row of all places first.
	INSERT INTO voting_places AS p (city_folded, country_folded, entries, contestants)
	SELECT city, country,
		CASE TG_TABLE_NAME WHEN 'voting_entries' THEN more * present ELSE 0 END,
		CASE TG_TABLE_NAME WHEN 'voting_entries' THEN 0 ELSE more * present END
	FROM (
		SELECT CASE WHEN k < 2 THEN '*' ELSE city_folded END AS city,
			CASE WHEN k IN (0, 2) THEN '*' ELSE country_folded END AS country, k, COUNT(*) AS present
		FROM voting_changed, generate_series(0, 3) k GROUP BY 1, 2, 3
	) changed
	ORDER BY k, city COLLATE "C", country COLLATE "C"
	ON CONFLICT (city_folded, country_folded) DO UPDATE
		SET entries = p.entries + excluded.entries, contestants = p.contestants + excluded.contestants;
	RETURN NULL;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION voting_move_place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	entry BIGINT := CASE TG_TABLE_NAME WHEN 'voting_entries' THEN 1 ELSE 0 END;
BEGIN
	PERFORM voting_count_place(OLD.city_folded, OLD.country_folded, -entry, entry - 1);
	PERFORM voting_count_place(NEW.city_folded, NEW.country_folded, entry, 1 - entry);
	RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER voting_entries_added AFTER INSERT ON voting_entries
	REFERENCING NEW TABLE voting_changed FOR EACH STATEMENT EXECUTE FUNCTION voting_count_places();
CREATE TRIGGER voting_entries_removed AFTER DELETE ON voting_entries
	REFERENCING OLD TABLE voting_changed FOR EACH STATEMENT EXECUTE FUNCTION voting_count_places();
CREATE TRIGGER voting_entries_replaced AFTER UPDATE OF city_folded, country_folded ON voting_entries
	FOR EACH ROW WHEN ((OLD.city_folded, OLD.country_folded) IS DISTINCT FROM (NEW.city_folded, NEW.country_folded))
	EXECUTE FUNCTION voting_move_place();
CREATE TRIGGER voting_contestants_added AFTER INSERT ON voting_contestants
	REFERENCING NEW TABLE voting_changed FOR EACH STATEMENT EXECUTE FUNCTION voting_count_places();
CREATE TRIGGER voting_contestants_removed AFTER DELETE ON voting_contestants
	REFERENCING OLD TABLE voting_changed FOR EACH STATEMENT EXECUTE FUNCTION voting_count_places();
CREATE TRIGGER voting_contestants_moved AFTER UPDATE OF city_folded, country_folded ON voting_contestants
	FOR EACH ROW WHEN ((OLD.city_folded, OLD.country_folded) IS DISTINCT FROM (NEW.city_folded, NEW.country_folded))
	EXECUTE FUNCTION voting_move_place();

-- Nobody publishes between here and the commit, because the triggers hold both tables.
INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
SELECT CASE WHEN k < 2 THEN '*' ELSE city_folded END, CASE WHEN k IN (0, 2) THEN '*' ELSE country_folded END,
	SUM(entry), SUM(contestant)
FROM (
	SELECT city_folded, country_folded, 1 AS entry, 0 AS contestant FROM voting_entries
	UNION ALL SELECT city_folded, country_folded, 0, 1 FROM voting_contestants
) present, (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) kinds
GROUP BY 1, 2;

-- +goose Down
DROP TRIGGER voting_entries_added ON voting_entries;
DROP TRIGGER voting_entries_removed ON voting_entries;
DROP TRIGGER voting_entries_replaced ON voting_entries;
DROP TRIGGER voting_contestants_added ON voting_contestants;
DROP TRIGGER voting_contestants_removed ON voting_contestants;
DROP TRIGGER voting_contestants_moved ON voting_contestants;
DROP FUNCTION voting_move_place();
DROP FUNCTION voting_count_places();
DROP FUNCTION voting_count_place(TEXT, TEXT, BIGINT, BIGINT);
DROP TABLE voting_places;
