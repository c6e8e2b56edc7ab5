package identity

import (
	"context"
	"fmt"

	"risingstars/platform/database"
)

// setProfile changes nothing if there is no such account.
func (s *store) setProfile(ctx context.Context, userID string, c ProfileChange) error {
	_, err := s.db.Exec(ctx, `
		UPDATE identity_users SET first_name = COALESCE(?, first_name), last_name = COALESCE(?, last_name),
			city = COALESCE(?, city), country = COALESCE(?, country), language = COALESCE(?, language)
		WHERE id = ?`, c.FirstName, c.LastName, c.City, c.Country, c.Language, userID)
	if err != nil {
		return fmt.Errorf("change a profile: %w", err)
	}
	return nil
}

// hold keeps an account as it is until the transaction of ctx ends, if it carries one. SQLite has one writer anyway.
func (s *store) hold(ctx context.Context, userID string) error {
	if !database.InTransaction(ctx) || s.db.Dialect() == database.SQLite {
		return nil
	}
	if _, err := s.db.Exec(ctx, `SELECT 1 FROM identity_users WHERE id = ? FOR SHARE`, userID); err != nil {
		return fmt.Errorf("hold an account: %w", err)
	}
	return nil
}
