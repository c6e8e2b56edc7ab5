package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/mail"
	"risingstars/platform/text"
)

const (
	forgottenEvery = time.Second
	forgottenBatch = 50
	proofsEvery    = time.Hour
	// keepProofs is how long it is known why a link no longer works.
	keepProofs = 30 * 24 * time.Hour
)

// ForgotPassword asks for a letter with which another password can be chosen. It does the same whether anybody has the
// e-mail or not: who has it is found out later, by WatchLetters.
func (m *Module) ForgotPassword(ctx context.Context, email string) error {
	email = text.Clean(email)
	if !validEmail(email) {
		return refuseField("email", "no es un correo electrónico válido", "is not a valid e-mail address")
	}
	return m.store.insertForgotten(ctx, uuid.Must(uuid.NewV7()).String(), email)
}

// WatchLetters writes, until ctx ends, the letters to those who have forgotten their password, and forgets links that
// are long useless. It does not go through the queue, where a letter would wait for all clips before it. Any number of
// processes may do it at the same time.
func (m *Module) WatchLetters(ctx context.Context) {
	ticker := time.NewTicker(forgottenEvery)
	defer ticker.Stop()
	var forgot time.Time
	trouble := ""
	for {
		err := m.answerForgotten(ctx)
		if time.Since(forgot) > proofsEvery {
			forgot = time.Now()
			err = errors.Join(err, m.store.forgetProofs(ctx, keepProofs))
		}
		switch {
		case err == nil:
			trouble = ""
		case ctx.Err() == nil && err.Error() != trouble: // during an outage the error stays the same
			trouble = err.Error()
			m.log.ErrorContext(ctx, "answer those who have forgotten their password", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Module) answerForgotten(ctx context.Context) error {
	requests, err := m.store.forgotten(ctx, forgottenBatch)
	if err != nil {
		return err
	}
	for _, r := range requests {
		if err := m.answerOne(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// answerOne writes to the address that the account has, which may be spelled otherwise than the one that was typed.
func (m *Module) answerOne(ctx context.Context, r forgottenRow) error {
	u, err := m.store.byEmail(ctx, r.Email)
	known := err == nil
	if err != nil && !errors.Is(err, errNoAccount) {
		return err
	}
	return m.sendAfter(ctx, func(ctx context.Context) (string, error) {
		if mine, err := m.store.takeForgotten(ctx, r.ID); err != nil || !mine || !known {
			return "", err
		}
		// Anybody may ask for this letter, so it uses up no budget but its own.
		if err := m.limits.Take(ctx, forgotLetters, u.ID); errors.Is(err, limit.ErrTooMany) {
			return "", nil
		} else if err != nil {
			return "", err
		}
		return m.issue(ctx, Reset, u, linkLetter{"reset", "/reset", u.Email, resetLife})
	})
}

// NewPassword is one that somebody chooses, typed twice.
type NewPassword struct{ Password1, Password2 string }

// check returns a fault if the password is not accepted for the account.
func (p NewPassword) check(u User) error {
	r := Registration{
		Email: u.Email, Password1: p.Password1, Password2: p.Password2, FirstName: u.FirstName, LastName: u.LastName,
	}
	if why := r.passwordFault(); why != (fault.Text{}) {
		return refuseField("password1", why.ES, why.EN)
	}
	if p.Password1 != p.Password2 {
		return errPasswordsDiffer
	}
	return nil
}

// ResetPassword sets another password by the link of a letter, and ends all sessions. Who has the letter has the
// mailbox, so it proves the e-mail as well.
func (m *Module) ResetPassword(ctx context.Context, caller, client, token string, p NewPassword) error {
	_, u, err := m.Link(ctx, caller, token, Reset) // before the work of hashing
	if err != nil {
		return err
	}
	if err := p.check(u); err != nil {
		return err
	}
	hash, err := m.hash(ctx, client, p.Password1)
	if err != nil {
		return fmt.Errorf("reset a password: %w", err)
	}
	err = m.sendAfter(ctx, func(ctx context.Context) (string, error) {
		link, u, err := m.redeem(ctx, caller, token, Reset)
		if err != nil {
			return "", err
		}
		if err := m.store.verify(ctx, u.ID); err != nil {
			return "", err
		}
		// Who signed up with this e-mail had not proved it, so the factor may be a stranger's.
		since := everySince
		if u.EmailVerified {
			since = neverSince
		}
		if err := m.store.dropFactor(ctx, u.ID, since); err != nil {
			return "", err
		}
		return m.replacePassword(ctx, u, hash, "", link.SecretHash)
	})
	if err == nil {
		m.learnAll(ctx)
	}
	return err
}

// ChangePassword sets another password for who knows the present one, and ends all sessions but the one kept; "" keeps
// none.
func (m *Module) ChangePassword(ctx context.Context, c Caller, keep, present string, p NewPassword) error {
	u, err := m.store.byID(ctx, c.UserID)
	if err != nil {
		return err
	}
	if err := p.check(u); err != nil {
		return err
	}
	if err := m.checkPresent(ctx, c, u, present); err != nil {
		return err
	}
	hash, err := m.hash(ctx, c.Client, p.Password1)
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	err = m.sendAfter(ctx, func(ctx context.Context) (string, error) {
		if err := m.store.stillHas(ctx, u.ID, u.PasswordHash); err != nil {
			return "", err
		}
		return m.replacePassword(ctx, u, hash, keep, uuid.NewString())
	})
	if err == nil {
		m.learnAll(ctx)
	}
	return err
}

// replacePassword makes all that the old password was good for useless, and keeps a notice about it, in the transaction
// of ctx. act names the change.
func (m *Module) replacePassword(ctx context.Context, u User, hash, keep, act string) (letter string, err error) {
	if err := m.store.setPassword(ctx, u.ID, hash); err != nil {
		return "", err
	}
	if err := m.store.voidProofs(ctx, u.ID, 0, Reset, Change); err != nil {
		return "", err
	}
	if err := m.EndAll(ctx, u.ID, keep); err != nil {
		return "", err
	}
	letter = "password-" + act
	return letter, m.letters.Send(ctx, mail.Letter{
		ID: letter, UserID: u.ID, Template: "password", To: u.Email, Language: u.Language,
		Values: map[string]string{"Name": u.FirstName}, Page: "/forgot",
	})
}
