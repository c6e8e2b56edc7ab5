-- +goose Up
-- A trigram index finds text anywhere in a word (https://www.sqlite.org/fts5.html#the_trigram_tokenizer). The rows of
-- voting_entries have no numbers that last, so the index has a table of its own, which the triggers keep equal,
-- with a space before the first word as before all the others.
CREATE TABLE voting_search_texts (
	id          INTEGER PRIMARY KEY,
	video_id    TEXT    NOT NULL UNIQUE,
	search_text TEXT    NOT NULL
);
CREATE VIRTUAL TABLE voting_search USING fts5 (
	search_text, content = 'voting_search_texts', content_rowid = 'id', tokenize = 'trigram case_sensitive 1'
);

-- +goose StatementBegin
CREATE TRIGGER voting_entries_inserted AFTER INSERT ON voting_entries BEGIN
	INSERT INTO voting_search_texts (video_id, search_text) VALUES (new.video_id, ' ' || new.search_text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_entries_changed AFTER UPDATE OF search_text ON voting_entries
WHEN new.search_text <> old.search_text BEGIN
	UPDATE voting_search_texts SET search_text = ' ' || new.search_text WHERE video_id = new.video_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_entries_deleted AFTER DELETE ON voting_entries BEGIN
	DELETE FROM voting_search_texts WHERE video_id = old.video_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_search_texts_inserted AFTER INSERT ON voting_search_texts BEGIN
	INSERT INTO voting_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_search_texts_changed AFTER UPDATE ON voting_search_texts BEGIN
	INSERT INTO voting_search (voting_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
	INSERT INTO voting_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER voting_search_texts_deleted AFTER DELETE ON voting_search_texts BEGIN
	INSERT INTO voting_search (voting_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
END;
-- +goose StatementEnd
INSERT INTO voting_search_texts (video_id, search_text) SELECT video_id, ' ' || search_text FROM voting_entries;

-- +goose Down
DROP TRIGGER voting_entries_inserted;
DROP TRIGGER voting_entries_changed;
DROP TRIGGER voting_entries_deleted;
DROP TABLE voting_search_texts;
DROP TABLE voting_search;
