-- +goose Up
-- Nobody changes what the log says, whatever the program does.
-- +goose StatementBegin
CREATE TRIGGER identity_log_unchanged BEFORE UPDATE ON identity_log BEGIN
	SELECT RAISE(ABORT, 'the log of acts only grows');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER identity_log_undeleted BEFORE DELETE ON identity_log BEGIN
	SELECT RAISE(ABORT, 'the log of acts only grows');
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER identity_log_unchanged;
DROP TRIGGER identity_log_undeleted;
