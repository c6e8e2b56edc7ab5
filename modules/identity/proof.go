package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/mail"
	"risingstars/platform/text"
)

// Purpose is what the link of a letter is good for.
type Purpose string

// Purposes of links.
const (
	Confirm Purpose = "confirm" // the e-mail of a new account is its owner's
	Change  Purpose = "change"  // another e-mail is
	Restore Purpose = "restore" // the e-mail of before comes back
	Reset   Purpose = "reset"   // another password is chosen
	// Undelete brings a deleted account back.
	Undelete Purpose = "undelete"
)

// How long links work.
const (
	confirmLife = 24 * time.Hour
	restoreLife = 7 * 24 * time.Hour
	resetLife   = time.Hour
)

// linkSecretSize is how many random bytes a link carries.
const linkSecretSize = 16

// proof is a link of a letter.
type proof struct {
	SecretHash string
	UserID     string
	Purpose    Purpose
	Email      string // to which the letter went
	CreatedAt  int64
}

// linkLetter is what a link's letter has beside it.
type linkLetter struct {
	template, page, to string
	life               time.Duration
}

// issue makes a link and keeps its letter, in the transaction of ctx. It returns the letter to forward after the
// commit.
func (m *Module) issue(ctx context.Context, purpose Purpose, u User, l linkLetter) (letter string, err error) {
	secret := make([]byte, linkSecretSize)
	rand.Read(secret) // documented to never fail
	hash := secretHash(secret)
	err = m.store.insertProof(ctx, proof{SecretHash: hash, UserID: u.ID, Purpose: purpose, Email: l.to}, l.life)
	if err != nil {
		return "", err
	}
	letter = string(purpose) + "-" + hash[:32]
	return letter, m.letters.Send(ctx, mail.Letter{
		ID: letter, UserID: u.ID, Template: l.template, To: l.to, Language: u.Language,
		Values: map[string]string{"Name": u.FirstName}, Page: l.page, Secret: secret, Life: l.life,
	})
}

func (m *Module) issueConfirm(ctx context.Context, u User) (letter string, err error) {
	return m.issue(ctx, Confirm, u, linkLetter{"confirm", "/confirm", u.Email, confirmLife})
}

// secretHash needs no salt: the secrets are random.
func secretHash(secret []byte) string {
	hash := sha256.Sum256(secret)
	return hex.EncodeToString(hash[:])
}

// redeem uses up a link that is for one of the purposes, in the transaction of ctx, and returns whose it is. caller is
// who is signed in, if anybody is: nobody uses another's link by mistake.
func (m *Module) redeem(ctx context.Context, caller, token string, purposes ...Purpose) (proof, User, error) {
	take := func(ctx context.Context, hash string, purposes []Purpose) (*proof, error) {
		found, err := m.store.freshProof(ctx, hash, purposes)
		if err != nil || found == nil {
			return nil, err
		}
		// Before the link, as who deletes the account does; what is read of it then holds until the transaction ends.
		if err := m.store.lockAccount(ctx, found.UserID); err != nil {
			return nil, err
		}
		return m.store.takeProof(ctx, hash, purposes)
	}
	return m.openLink(ctx, caller, token, take, purposes)
}

// Link returns what the link with the token is for, without using it up. The error is that of using it.
func (m *Module) Link(ctx context.Context, caller, token string, purposes ...Purpose) (Purpose, User, error) {
	p, u, err := m.openLink(ctx, caller, token, m.store.freshProof, purposes)
	return p.Purpose, u, err
}

// openLink looks a link up by find, which returns nil unless it can be used.
func (m *Module) openLink(
	ctx context.Context, caller, token string,
	find func(ctx context.Context, hash string, purposes []Purpose) (*proof, error), purposes []Purpose,
) (proof, User, error) {
	secret, err := m.links.Open(strings.TrimSpace(token))
	if err != nil || len(secret) != linkSecretSize {
		return proof{}, User{}, errLinkInvalid
	}
	hash := secretHash(secret)
	found, err := find(ctx, hash, purposes)
	if err == nil && found == nil {
		err = m.store.whyUseless(ctx, hash, purposes)
	}
	if err != nil {
		return proof{}, User{}, err
	}
	if caller != "" && caller != found.UserID {
		return proof{}, User{}, errLinkOfAnother
	}
	u, err := m.store.anyByID(ctx, found.UserID)
	switch {
	case errors.Is(err, errNoAccount):
		return proof{}, User{}, errLinkInvalid
	case err != nil:
		return proof{}, User{}, err
	case (found.Purpose == Confirm || found.Purpose == Reset) && found.Email != u.Email:
		return proof{}, User{}, errLinkOutdated
	}
	return *found, u, nil
}

// ConfirmEmail does what the link of a letter is for: it proves the e-mail of the account, changes it to the one that
// the letter went to, or changes it back. caller is who is signed in, "" if nobody is.
func (m *Module) ConfirmEmail(ctx context.Context, caller, token string) (done Purpose, err error) {
	var letter string
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		letter = "" // of a run that was rolled back
		p, u, err := m.redeem(ctx, caller, token, Confirm, Change, Restore)
		if err != nil {
			return err
		}
		switch done = p.Purpose; done {
		case Change:
			if err = m.store.setEmail(ctx, u.ID, p.Email); err == nil {
				err = m.store.voidProofs(ctx, u.ID, 0, Confirm, Change, Reset)
			}
			if err == nil {
				letter, err = m.issue(ctx, Restore, u, linkLetter{"changed", "/confirm", u.Email, restoreLife})
			}
		case Restore:
			err = m.restore(ctx, p, u)
		default:
			err = m.store.verify(ctx, u.ID)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	m.forward(ctx, letter)
	if done == Restore {
		m.learnAll(ctx)
	}
	return done, nil
}

// restore gives an account back to the owner of its e-mail of before: whoever has changed it may know the password, may
// have set a second factor since, and may have signed up anew with that e-mail, which only its owner can prove. Links
// that are older than this one stay, because they are those of earlier owners.
func (m *Module) restore(ctx context.Context, p proof, u User) error {
	if u.left { // by whoever has changed it
		if _, err := m.store.reopen(ctx, u.ID); err != nil {
			return err
		}
		if err := m.welcome(ctx, Actor{ID: u.ID}, u.ID); err != nil {
			return err
		}
	}
	if err := m.makeRoom(ctx, u.ID, p.Email, canonicalEmail(p.Email)); err != nil {
		return err
	}
	if err := m.store.setEmail(ctx, u.ID, p.Email); err != nil {
		return err
	}
	if err := m.store.dropFactor(ctx, u.ID, p.CreatedAt); err != nil {
		return err
	}
	if err := m.store.setPassword(ctx, u.ID, ""); err != nil {
		return err
	}
	if err := m.store.voidProofs(ctx, u.ID, p.CreatedAt, Confirm, Change, Restore, Reset, Undelete); err != nil {
		return err
	}
	return m.EndAll(ctx, u.ID, "")
}

// ResendConfirmation sends the letter of the sign-up again, unless the e-mail is proved or its owner has had enough
// letters.
func (m *Module) ResendConfirmation(ctx context.Context, userID string) error {
	u, err := m.store.byID(ctx, userID)
	if err != nil || u.EmailVerified {
		return err
	}
	if err := m.countLetter(ctx, u.ID, u.Email); errors.Is(err, limit.ErrTooMany) {
		return nil
	} else if err != nil {
		return err
	}
	return m.sendAfter(ctx, func(ctx context.Context) (string, error) { return m.issueConfirm(ctx, u) })
}

// countLetter returns a fault if the account or the address has had enough letters.
func (m *Module) countLetter(ctx context.Context, userID, to string) error {
	if err := m.limits.Take(ctx, accountLetters, userID); err != nil {
		return err
	}
	return m.limits.Take(ctx, addressLetters, mailbox(to))
}

// sendAfter keeps a letter in a transaction, and forwards it after the commit.
func (m *Module) sendAfter(ctx context.Context, keep func(ctx context.Context) (letter string, err error)) error {
	var letter string
	err := m.store.db.InTx(ctx, func(ctx context.Context) (err error) {
		letter, err = keep(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("send a letter: %w", err)
	}
	m.forward(ctx, letter)
	return nil
}

func (m *Module) forward(ctx context.Context, letters ...string) {
	for _, letter := range letters {
		if letter != "" {
			m.letters.Forward(context.WithoutCancel(ctx), letter)
		}
	}
}

// Caller is who asks for something that needs their password again, and from where.
type Caller struct {
	UserID string
	Client string // the network address
	Device string // as in Credentials
}

// ChangeEmail sends a letter to another address. The account has it once its link is used.
func (m *Module) ChangeEmail(ctx context.Context, c Caller, email, password string) error {
	email = text.Clean(email)
	u, err := m.store.byID(ctx, c.UserID)
	if err != nil {
		return err
	}
	switch {
	case !validEmail(email):
		return refuseField("email", "no es un correo electrónico válido", "is not a valid e-mail address")
	case email == u.Email:
		return refuseField("email", "es el que ya tienes", "is the one that you have already")
	}
	if err := m.checkPresent(ctx, c, u, password); err != nil {
		return err
	}
	switch other, err := m.store.byEmail(ctx, email); {
	case err == nil && other.ID != u.ID:
		return errEmailTaken
	case err != nil && !errors.Is(err, errNoAccount):
		return err
	}
	if err := m.countLetter(ctx, u.ID, email); err != nil {
		return err
	}
	return m.sendAfter(ctx, func(ctx context.Context) (string, error) {
		if err := m.store.stillHas(ctx, u.ID, u.PasswordHash); err != nil {
			return "", err
		}
		return m.issue(ctx, Change, u, linkLetter{"change", "/confirm", email, confirmLife})
	})
}

// PendingEmail returns the e-mail that the account has once the link of ChangeEmail's letter is used, and "" if none
// waits for that.
func (m *Module) PendingEmail(ctx context.Context, userID string) (string, error) {
	return m.store.pendingEmail(ctx, userID)
}

// checkPresent returns errWrongPassword unless the password is the account's. Guesses are limited as those of sign-ins
// are.
func (m *Module) checkPresent(ctx context.Context, c Caller, u User, password string) error {
	g := guess{m: m, account: canonicalEmail(u.Email), client: c.Client, device: m.knownDevice(c.Device, u, 0)}
	if err := m.check(ctx, g, password, u.PasswordHash); errors.Is(err, errBadCredentials) {
		return errWrongPassword
	} else if err != nil {
		return err
	}
	return g.forget(ctx)
}

func refuseField(name, es, en string) error {
	return fault.ErrInvalid.WithFields(fault.Field{Location: "body." + name, Message: fault.Text{ES: es, EN: en}})
}
