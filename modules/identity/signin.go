package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Session is an access token and its lifetime.
type Session struct {
	Token string
	TTL   time.Duration
}

// SignIn returns an access token for the right password. An unknown e-mail and a wrong password give the same fault
// after the same work. Attempts are limited by account.
func (m *Module) SignIn(ctx context.Context, email, password string) (Session, error) {
	if !validEmail(strings.TrimSpace(email)) {
		email = "" // no account has it, and looking for it takes as long as for any other
	} else if err := m.limits.Take(ctx, accountSignIns, fold(email)); err != nil {
		return Session{}, err
	}
	user, err := m.store.byEmail(ctx, email)
	if err != nil && !errors.Is(err, errNoAccount) {
		return Session{}, err
	}
	if len(password) > maxPasswordBytes {
		password = "" // no account has it, and checking it takes as long as any other
	}
	right, err := m.passwords.Check(ctx, password, user.PasswordHash)
	if err != nil {
		return Session{}, fmt.Errorf("sign in: %w", err)
	}
	if !right {
		return Session{}, errBadCredentials
	}
	token, ttl, err := m.tokens.Issue(user.ID)
	if err != nil {
		return Session{}, fmt.Errorf("sign in: %w", err)
	}
	return Session{Token: token, TTL: ttl}, nil
}
