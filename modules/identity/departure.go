package identity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

const (
	// undoLife is how long a deleted account can come back. Its erasure waits undoMargin longer, so that no link is
	// good for an account that is half erased.
	undoLife   = 7 * 24 * time.Hour
	undoMargin = time.Hour
	// settleTime is how long the request that deletes an account, or brings it back, works on what follows from that.
	// WatchDepartures goes on with what is left.
	settleTime = 3 * time.Second
	// lookAgainAfter is when a deletion is looked at again: other processes may not have known of it for 10 s, and have
	// accepted a vote.
	lookAgainAfter = time.Minute
	departEvery    = 2 * time.Second
	// departPause is how long nobody else works on a departure, and the pause after a failure.
	departPause = 5 * time.Minute
)

// The states of a departure.
const (
	leaving   = "leaving"   // it can come back
	returning = "returning" // it has come back, and its votes follow
	erasing   = "erasing"   // nothing brings it back
)

// Belongings are what a person has beside the account. Leave and Return join the transaction in ctx, and all may be
// repeated, and called by several processes at once.
type Belongings interface {
	// Leave hides what the person has published and publishes.
	Leave(ctx context.Context, userID string) error
	// Return undoes Leave, but for what is hidden for another reason; it shows nothing if shown is not set.
	Return(ctx context.Context, userID string, shown bool) error
	// Settle does what may take long after Leave or Return: it takes the person's votes back, or gives them again.
	// leftAt is when the person has left, and returnedAt when they have returned since; zero: they have not.
	Settle(ctx context.Context, userID string, leftAt, returnedAt time.Time) error
	// ReturnedAt is when the person has last returned, as far as is known outside of the database, which a backup may
	// have put back; zero: it is not known.
	ReturnedAt(ctx context.Context, userID string) (time.Time, error)
	// Erase erases all that is left. email is the person's proved address; "": there is none.
	Erase(ctx context.Context, userID, email string) error
}

// propertyless stands for Belongings where nobody has any.
type propertyless struct{}

func (propertyless) Leave(context.Context, string) error         { return nil }
func (propertyless) Return(context.Context, string, bool) error  { return nil }
func (propertyless) Erase(context.Context, string, string) error { return nil }

func (propertyless) Settle(context.Context, string, time.Time, time.Time) error { return nil }

func (propertyless) ReturnedAt(context.Context, string) (time.Time, error) { return time.Time{}, nil }

// DeleteAccount deletes the caller's account, for the right password and, if the account has a second factor, a code.
// At once it is as if the account were gone: nobody is signed in to it, what it has published is hidden, its e-mail is
// free, and its votes are taken back. A letter has the link that brings it back until the returned time; then
// WatchDepartures erases it. The last admin cannot go.
func (m *Module) DeleteAccount(ctx context.Context, c Caller, password, code string) (until time.Time, err error) {
	u, err := m.store.byID(ctx, c.UserID)
	if err != nil {
		return time.Time{}, err
	}
	if err := m.checkPresent(ctx, c, u, password); err != nil {
		return time.Time{}, err
	}
	if err := m.staysAdministered(ctx, u.ID); err != nil { // before a recovery code is used up
		return time.Time{}, err
	}
	if err := m.checkFactor(ctx, u.ID, code); err != nil {
		return time.Time{}, err
	}
	err = m.sendAfter(ctx, func(ctx context.Context) (string, error) {
		if err := m.stillHere(ctx, u); err != nil {
			return "", err
		}
		now, err := m.store.byID(ctx, u.ID) // its e-mail may have changed meanwhile
		if err != nil {
			return "", err
		}
		if until, err = m.depart(ctx, Actor{ID: u.ID}, now, undoLife); err != nil {
			return "", err
		}
		return m.issue(ctx, Undelete, now, linkLetter{"deleted", "/undo", now.Email, undoLife})
	})
	if err != nil {
		return time.Time{}, err
	}
	m.afterDeparture(ctx, u.ID)
	return until, nil
}

// staysAdministered returns errLastAdmin for the only admin. Another one may go meanwhile.
func (m *Module) staysAdministered(ctx context.Context, userID string) error {
	roles, err := m.RolesOf(ctx, userID)
	if err != nil || !slices.Contains(roles, Admin) {
		return err
	}
	n, err := m.store.countAdmins(ctx)
	if err == nil && n == 1 {
		err = errLastAdmin
	}
	return err
}

// checkFactor returns a fault unless the account has no second factor, or the code is one of it.
func (m *Module) checkFactor(ctx context.Context, userID, code string) error {
	factor, err := m.store.factor(ctx, userID)
	switch {
	case err != nil || !factor.holds():
		return err
	case strings.TrimSpace(code) == "":
		return errCodeMissing
	}
	if err := m.checkCode(ctx, factor, code, ""); errors.Is(err, errWrongCode) {
		return errNotTheCode
	} else if err != nil {
		return err
	}
	return nil
}

// stillHere locks the admins and then the account. The error is errNoAccount if another click was first, and
// errWrongPassword if the password was changed meanwhile.
func (m *Module) stillHere(ctx context.Context, u User) error {
	if err := m.store.lockAdmins(ctx); err != nil {
		return err
	}
	err := m.store.stillHas(ctx, u.ID, u.PasswordHash)
	if errors.Is(err, errWrongPassword) {
		if _, gone := m.store.byID(ctx, u.ID); gone != nil {
			return gone
		}
	}
	return err
}

// Remove deletes an account whose owner cannot do it, because it is suspended, or came back with a backup. It can come
// back for as long as DeleteAccount says, by no letter but by Readmit, or not at all if now is set. It reports false if
// the account is deleted already, and not to be erased sooner. A worker does what follows.
func (m *Module) Remove(ctx context.Context, by Actor, idOrEmail string, now bool) (removed bool, err error) {
	if err := by.explained(); err != nil {
		return false, err
	}
	u, err := m.store.byAny(ctx, idOrEmail)
	if err != nil {
		return false, err
	}
	life := undoLife
	if now {
		life = 0
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		removed = false // of a run that was rolled back
		if err := m.store.lockAdmins(ctx); err != nil {
			return err
		}
		if err := m.store.lockAccount(ctx, u.ID); err != nil {
			return err
		}
		if u, err = m.store.anyByID(ctx, u.ID); err != nil {
			return err
		}
		if u.left {
			if removed, err = m.store.hurryDeparture(ctx, u.ID, now); err != nil || !removed {
				return err
			}
			return m.AddRecord(ctx, by.did("account.delete", "user:"+u.ID, "", ""))
		}
		removed = true
		_, err = m.depart(ctx, by, u, life)
		return err
	})
	return removed, err
}

// Readmit brings a deleted account back, by its id. It reports false if the account is not deleted, or is being erased.
func (m *Module) Readmit(ctx context.Context, by Actor, userID string) (back bool, err error) {
	if err := by.explained(); err != nil {
		return false, err
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		err := m.comeBack(ctx, by, userID)
		if back = err == nil; errors.Is(err, errLinkExpired) {
			return nil
		}
		return err
	})
	return back, err
}

// depart makes an account as if it were gone, in the transaction of ctx, which has locked the admins and the account.
func (m *Module) depart(ctx context.Context, by Actor, u User, life time.Duration) (until time.Time, err error) {
	roles, err := m.RolesOf(ctx, u.ID)
	if err != nil {
		return until, err
	}
	if until, err = m.store.leave(ctx, u.ID, life); err != nil {
		return until, err
	}
	if slices.Contains(roles, Admin) {
		if err := m.keepsAnAdmin(ctx); err != nil {
			return until, err
		}
	}
	// The link that gives the e-mail of before back stays: who deletes an account may have stolen it.
	if err := m.store.voidProofs(ctx, u.ID, 0, Confirm, Change, Reset, Undelete); err != nil {
		return until, err
	}
	if err := m.EndAll(ctx, u.ID, ""); err != nil {
		return until, err
	}
	if err := m.belongings.Leave(ctx, u.ID); err != nil {
		return until, err
	}
	return until, m.AddRecord(ctx, by.did("account.delete", "user:"+u.ID, "", ""))
}
