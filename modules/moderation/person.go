package moderation

import (
	"context"
	"strings"
)

// ReportsBy returns what a person has reported, with their account or with the e-mail that they have proved ("": none),
// the earliest first.
func (m *Module) ReportsBy(ctx context.Context, userID, email string) ([]Report, error) {
	return m.store.reportsBy(ctx, append([]string{userID}, mailReporter(email)...))
}

// ErasePerson erases the words and the e-mail of what a person has reported. What was decided stays.
func (m *Module) ErasePerson(ctx context.Context, userID, email string) error {
	return m.store.forget(ctx, userID, strings.Join(mailReporter(email), ""))
}

// mailReporter returns how reports name somebody who was not signed in; nothing for no e-mail.
func mailReporter(email string) []string {
	if email == "" {
		return nil
	}
	return []string{mailPrefix + strings.ToLower(email)}
}
