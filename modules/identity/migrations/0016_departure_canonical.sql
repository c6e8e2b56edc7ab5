-- +goose Up
-- What the account had, which is empty for some. NULL: what follows from the e-mail.
ALTER TABLE identity_departures ADD COLUMN email_canonical TEXT;

-- +goose Down
ALTER TABLE identity_departures DROP COLUMN email_canonical;
