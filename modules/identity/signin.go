package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"risingstars/platform/text"
)

// Session is an access token, whose it is, and its lifetime. Device proves that the device has signed in; it is "" if
// the device has such a proof already.
type Session struct {
	UserID string
	Token  string
	TTL    time.Duration
	Device string
}

// Credentials are what a person signs in with, and from where.
type Credentials struct {
	Email, Password string
	Client          string // the network address
	Device          string // the proof that an earlier session gave to the device; "" if there is none
}

// SignIn returns an access token for the right password. An unknown e-mail and a wrong password give the same fault
// after the same work. A suspended account is told so, once the password is right. Failures are limited by account and
// network, except from a device that signed in before.
func (m *Module) SignIn(ctx context.Context, c Credentials) (Session, error) {
	if !validEmail(strings.TrimSpace(c.Email)) {
		c.Email = text.Clean(c.Email) // e-mails are stored like this
	}
	if !validEmail(strings.TrimSpace(c.Email)) {
		c.Email = "" // no account has it, and looking for it takes as long as for any other
	}
	user, err := m.store.byEmail(ctx, c.Email)
	if err != nil && !errors.Is(err, errNoAccount) {
		return Session{}, err
	}
	g := guess{m: m, account: canonicalEmail(c.Email), client: c.Client}
	if account, device, err := m.devices.Verify(c.Device); err == nil && account == user.ID {
		g.device = device
	}
	if err := m.check(ctx, g, c.Password, user.PasswordHash); err != nil {
		return Session{}, err
	}
	if err := g.forget(ctx); err != nil {
		return Session{}, err
	}
	if err := m.store.barred(ctx, user.ID); err != nil {
		return Session{}, err
	}
	session := Session{UserID: user.ID}
	if session.Token, session.TTL, err = m.tokens.Issue(user.ID); err == nil && g.device == "" {
		session.Device, err = m.devices.Issue(user.ID)
	}
	if err != nil {
		return Session{}, fmt.Errorf("sign in: %w", err)
	}
	return session, nil
}

// check returns errBadCredentials if the password is wrong. A guess that finds no turn is not counted.
func (m *Module) check(ctx context.Context, g guess, password, hash string) error {
	if len(password) > maxPasswordBytes {
		password = "" // no account has it, and checking it takes as long as any other
	}
	leave, err := m.passwords.Enter(ctx, g.client)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	defer func() { leave() }()
	slow, err := g.count(ctx)
	if err != nil {
		return err
	}
	if slow {
		leave() // the others need not wait for this guess
		if err := g.slowDown(ctx); err != nil {
			return err
		}
		if leave, err = m.passwords.Enter(ctx, g.client); err != nil {
			leave = func() {}
			return fmt.Errorf("sign in: %w", err)
		}
	}
	right, err := m.passwords.Check(password, hash)
	switch {
	case err != nil:
		return fmt.Errorf("sign in: %w", err)
	case !right:
		return errBadCredentials
	}
	return nil
}
