package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Signup makes an account.
func (m *Module) Signup(ctx context.Context, client string, wish Signup) (User, error) {
	if err := m.limits.SignupByClient.Allow(ctx, client); err != nil {
		return User{}, err //nolint:wrapcheck // a fault
	}
	if err := wish.normalize(); err != nil {
		return User{}, err
	}
	hash, err := m.passwords.Hash(ctx, wish.Password1)
	if err != nil {
		return User{}, fmt.Errorf("sign up: %w", err)
	}
	user := User{
		ID: uuid.Must(uuid.NewV7()).String(), Email: wish.Email, PasswordHash: hash,
		FirstName: wish.FirstName, LastName: wish.LastName, City: wish.City, Country: wish.Country,
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	if err := m.store.insert(ctx, user); err != nil {
		return User{}, err
	}
	m.log.InfoContext(ctx, "account made", "user_id", user.ID)
	return user, nil
}

// Session is a token and its lifetime.
type Session struct {
	Token string
	TTL   time.Duration
}

// Login gives a token for the right password. Unknown e-mail and wrong password are one answer, after the same work.
func (m *Module) Login(ctx context.Context, client, email, password string) (Session, error) {
	if err := m.limits.LoginByClient.Allow(ctx, client); err != nil {
		return Session{}, err //nolint:wrapcheck // a fault
	}
	if !validEmail(strings.TrimSpace(email)) {
		email = "" // no account has it; what follows takes its usual time
	} else if err := m.limits.LoginByAccount.Allow(ctx, fold(email)); err != nil {
		return Session{}, err //nolint:wrapcheck // a fault
	}
	user, err := m.store.byEmail(ctx, email)
	if err != nil && !errors.Is(err, errNotFound) {
		return Session{}, err
	}
	if len(password) > maxPasswordBytes {
		password = "" // no account has it; the check below takes its usual time
	}
	right, err := m.passwords.Check(ctx, password, user.PasswordHash)
	if err != nil {
		return Session{}, fmt.Errorf("log in: %w", err)
	}
	if !right {
		return Session{}, errBadCredentials
	}
	token, ttl, err := m.tokens.Issue(user.ID)
	if err != nil {
		return Session{}, fmt.Errorf("log in: %w", err)
	}
	return Session{Token: token, TTL: ttl}, nil
}

// Account returns the account of a caller whose token was good; it may be gone all the same.
func (m *Module) Account(ctx context.Context, id string) (User, error) {
	user, err := m.store.byID(ctx, id)
	if errors.Is(err, errNotFound) {
		return User{}, errNoAccount
	}
	return user, err
}

// Profile returns what others see of a person.
func (m *Module) Profile(ctx context.Context, id string) (Profile, error) {
	user, err := m.Account(ctx, id)
	return user.Profile(), err
}
