package identity

import (
	"context"
	"fmt"
	"strings"

	"risingstars/platform/database"
)

const (
	emailBatch    = 1000
	emailAttempts = 10
)

// canonicalEmails returns the fill that gives accounts their canonical e-mail: to the oldest account of a mailbox if no
// account has it yet, and an empty one to the others, which so stay as they are.
func canonicalEmails() database.Fill {
	return database.Fill{
		Name: "canonical e-mails",
		Behind: func(ctx context.Context, db *database.DB) (int, error) {
			var row struct{ Behind int }
			err := db.Query(ctx, &row, `SELECT COUNT(*) AS behind FROM identity_users WHERE email_canonical IS NULL`)
			return row.Behind, err
		},
		Run: func(ctx context.Context, db *database.DB) error {
			s, more, failures := &store{db: db}, true, 0
			for more {
				err := db.InTx(ctx, func(ctx context.Context) (err error) {
					more, err = s.fillEmails(ctx)
					return err
				})
				// Somebody may have signed up with one of the e-mails meanwhile.
				if failures++; database.UniqueViolation(err) != "" && failures < emailAttempts {
					more = true
					continue
				}
				if err != nil {
					return fmt.Errorf("fill canonical e-mails: %w", err)
				}
				failures = 0
			}
			return nil
		},
	}
}

// fillEmails fills a batch of accounts, the oldest first, and reports whether there may be more.
func (s *store) fillEmails(ctx context.Context) (more bool, err error) {
	var users, holders []struct{ ID, Email, EmailCanonical string }
	err = s.db.Query(ctx, &users, `
		SELECT id, email FROM identity_users WHERE email_canonical IS NULL ORDER BY created_at, id LIMIT ?`, emailBatch)
	if err != nil || len(users) == 0 {
		return false, err
	}
	canonical := make([]string, len(users))
	for i, u := range users {
		canonical[i] = canonicalEmail(u.Email)
	}
	err = s.db.Query(ctx, &holders, `
		SELECT email_canonical FROM identity_users WHERE email_canonical IN ? AND email_canonical <> ''`, canonical)
	if err != nil {
		return false, err
	}
	held := map[string]bool{}
	for _, h := range holders {
		held[h.EmailCanonical] = true
	}
	var values []any
	for i, u := range users {
		if held[canonical[i]] {
			values = append(values, u.ID, "")
			continue
		}
		held[canonical[i]] = true
		values = append(values, u.ID, canonical[i])
	}
	_, err = s.db.Exec(ctx, fmt.Sprintf(`
		WITH filled (id, email_canonical) AS (VALUES %s)
		UPDATE identity_users SET email_canonical = filled.email_canonical
		FROM filled WHERE identity_users.id = filled.id AND identity_users.email_canonical IS NULL`,
		strings.TrimSuffix(strings.Repeat("(?,?),", len(users)), ",")), values...)
	return len(users) == emailBatch, err
}
