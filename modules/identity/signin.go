package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"risingstars/platform/text"
)

// Session is what a program has after a sign-in or a refresh. Device proves that the device has signed in; it is "" if
// the device has such a proof already.
type Session struct {
	UserID  string
	ID      string // of the session; "" if none could be kept
	Token   string // for access
	TTL     time.Duration
	Refresh string // "" if there is no session
	Device  string
}

// Credentials are what a person signs in with, and from where.
type Credentials struct {
	Email, Password string
	Client          string // the network address
	Device          string // the proof that an earlier session gave to the device; "" if there is none
	Agent           string // what the program calls itself
	Network         string // part of the address, for the list of sessions
	Code            string // of the second factor; "" if the account has none, or none was typed yet
	Ticket          string // in place of e-mail and password, from a Prove that asked for a code; "" if there is none
}

// SignIn opens a session for the right password. An unknown e-mail and a wrong password give the same fault after
// the same work. Failures are limited by account and network, except from a device that signed in before.
func (m *Module) SignIn(ctx context.Context, c Credentials) (Session, error) {
	v, device, err := m.Prove(ctx, c)
	if err != nil {
		return Session{}, err
	}
	session, err := m.openProgram(ctx, v)
	if err != nil {
		return Session{}, fmt.Errorf("sign in: %w", err)
	}
	session.Device = device
	return session, nil
}

// Prove is SignIn without a session: it returns who has signed in, and the proof for the device. With errFactorAsked,
// it returns a ticket that lasts for five minutes.
func (m *Module) Prove(ctx context.Context, c Credentials) (v Visitor, device string, err error) {
	if !validEmail(strings.TrimSpace(c.Email)) {
		c.Email = text.Clean(c.Email) // e-mails are stored like this
	}
	if !validEmail(strings.TrimSpace(c.Email)) {
		c.Email = "" // no account has it, and looking for it takes as long as for any other
	}
	if c.Ticket != "" {
		user, err := m.redeemTicket(ctx, c.Ticket)
		if err != nil {
			return Visitor{}, "", err
		}
		return m.admit(ctx, c, user)
	}
	user, err := m.store.byEmail(ctx, c.Email)
	if err != nil && !errors.Is(err, errNoAccount) {
		return Visitor{}, "", err
	}
	g := guess{m: m, account: canonicalEmail(c.Email), client: c.Client, device: m.knownDevice(c.Device, user, 0)}
	if err := m.check(ctx, g, c.Password, user.PasswordHash); err != nil {
		return Visitor{}, "", err
	}
	if err := g.forget(ctx); err != nil {
		return Visitor{}, "", err
	}
	return m.admit(ctx, c, user)
}

// admit lets somebody in whose password was right, by the second factor if the account has one.
func (m *Module) admit(ctx context.Context, c Credentials, user User) (v Visitor, device string, err error) {
	if err := m.store.barred(ctx, user.ID); err != nil {
		return Visitor{}, "", err
	}
	row, err := m.store.factor(ctx, user.ID)
	if err != nil {
		return Visitor{}, "", err
	}
	known := m.knownDevice(c.Device, user, row.since())
	if row.holds() && c.Code == "" {
		if v.Ticket = c.Ticket; v.Ticket == "" {
			v.Ticket, err = m.issueTicket(user)
		}
		return v, "", cmp.Or(err, error(errFactorAsked))
	}
	if row.holds() {
		if err := m.checkCode(ctx, row, c.Code, known); err != nil {
			return Visitor{}, "", err
		}
	}
	if known == "" {
		if device, err = m.devices.Issue(user.ID); err != nil {
			return Visitor{}, "", fmt.Errorf("sign in: %w", err)
		}
	}
	v = Visitor{UserID: user.ID, Agent: c.Agent, Network: c.Network, proof: user.PasswordHash, factor: row.since()}
	return v, device, nil
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
