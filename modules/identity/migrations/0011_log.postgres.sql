-- +goose Up
-- Nobody changes what the log says, whatever the program does: not even with a right to write the table.
-- +goose StatementBegin
CREATE FUNCTION identity_keep_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the log of acts only grows';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER identity_log_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON identity_log
	FOR EACH STATEMENT EXECUTE FUNCTION identity_keep_log();

-- +goose Down
DROP TRIGGER identity_log_kept ON identity_log;
DROP FUNCTION identity_keep_log();
