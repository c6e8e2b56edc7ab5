-- +goose Up
-- How many entries and contestants there are in every place, so that no list has to be counted. The triggers keep the
-- numbers equal to the rows, whoever writes them. A star stands for all cities or all countries; no folded text has
-- one.
CREATE TABLE voting_places (
	city_folded    TEXT   NOT NULL,
	country_folded TEXT   NOT NULL,
	entries        BIGINT NOT NULL,
	contestants    BIGINT NOT NULL,
	PRIMARY KEY (city_folded, country_folded)
);
-- +goose StatementBegin
CREATE TRIGGER voting_entries_added AFTER INSERT ON voting_entries BEGIN
	INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
	VALUES ('*', '*', 1, 0), ('*', new.country_folded, 1, 0),
		(new.city_folded, '*', 1, 0), (new.city_folded, new.country_folded, 1, 0)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
	SET entries = entries + excluded.entries, contestants = contestants + excluded.contestants;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_entries_removed AFTER DELETE ON voting_entries BEGIN
	INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
	VALUES ('*', '*', -1, 0), ('*', old.country_folded, -1, 0),
		(old.city_folded, '*', -1, 0), (old.city_folded, old.country_folded, -1, 0)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
	SET entries = entries + excluded.entries, contestants = contestants + excluded.contestants;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_entries_replaced AFTER UPDATE OF city_folded, country_folded ON voting_entries
WHEN (old.city_folded, old.country_folded) <> (new.city_folded, new.country_folded) BEGIN
	INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
	VALUES ('*', '*', -1, 0), ('*', old.country_folded, -1, 0),
		(old.city_folded, '*', -1, 0), (old.city_folded, old.country_folded, -1, 0)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
	SET entries = entries + excluded.entries, contestants = contestants + excluded.contestants;
	INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
	VALUES ('*', '*', 1, 0), ('*', new.country_folded, 1, 0),
		(new.city_folded, '*', 1, 0), (new.city_folded, new.country_folded, 1, 0)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
	SET entries = entries + excluded.entries, contestants = contestants + excluded.contestants;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_contestants_added AFTER INSERT ON voting_contestants BEGIN
	INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
	VALUES ('*', '*', 0, 1), ('*', new.country_folded, 0, 1),
		(new.city_folded, '*', 0, 1), (new.city_folded, new.country_folded, 0, 1)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
	SET entries = entries + excluded.entries, contestants = contestants + excluded.contestants;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_contestants_removed AFTER DELETE ON voting_contestants BEGIN
	INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
	VALUES ('*', '*', 0, -1), ('*', old.country_folded, 0, -1),
		(old.city_folded, '*', 0, -1), (old.city_folded, old.country_folded, 0, -1)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
	SET entries = entries + excluded.entries, contestants = contestants + excluded.contestants;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_contestants_moved AFTER UPDATE OF city_folded, country_folded ON voting_contestants
WHEN (old.city_folded, old.country_folded) <> (new.city_folded, new.country_folded) BEGIN
	INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
	VALUES ('*', '*', 0, -1), ('*', old.country_folded, 0, -1),
		(old.city_folded, '*', 0, -1), (old.city_folded, old.country_folded, 0, -1)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
	SET entries = entries + excluded.entries, contestants = contestants + excluded.contestants;
	INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
	VALUES ('*', '*', 0, 1), ('*', new.country_folded, 0, 1),
		(new.city_folded, '*', 0, 1), (new.city_folded, new.country_folded, 0, 1)
	ON CONFLICT (city_folded, country_folded) DO UPDATE
	SET entries = entries + excluded.entries, contestants = contestants + excluded.contestants;
END;
-- +goose StatementEnd

INSERT INTO voting_places (city_folded, country_folded, entries, contestants)
SELECT CASE WHEN k < 2 THEN '*' ELSE city_folded END, CASE WHEN k IN (0, 2) THEN '*' ELSE country_folded END,
	SUM(entry), SUM(contestant)
FROM (
	SELECT city_folded, country_folded, 1 AS entry, 0 AS contestant FROM voting_entries
	UNION ALL SELECT city_folded, country_folded, 0, 1 FROM voting_contestants
) present, (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) kinds
GROUP BY 1, 2;

-- +goose Down
DROP TRIGGER voting_entries_added;
DROP TRIGGER voting_entries_removed;
DROP TRIGGER voting_entries_replaced;
DROP TRIGGER voting_contestants_added;
DROP TRIGGER voting_contestants_removed;
DROP TRIGGER voting_contestants_moved;
DROP TABLE voting_places;
