-- +goose Up
-- When a password was last changed; 0: never. Devices that signed in with the one before are not known any more.
ALTER TABLE identity_users ADD COLUMN password_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE identity_users DROP COLUMN password_at;
