package identity

import (
	"context"
	"errors"
	"fmt"
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

// UndoDeletion brings an account back by the link of the letter about its deletion, which proves its e-mail. The error
// is errEmailTakenSince, and the link stays good, if somebody else has proved meanwhile that the e-mail is theirs.
// stranger is set if it was not the owner who has deleted the account: then whoever knows its password, or has its
// second factor, can do no more with them, and a letter lets the owner choose a new password.
func (m *Module) UndoDeletion(ctx context.Context, caller, token string, stranger bool) error {
	var id, letter string
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		letter = "" // of a run that was rolled back
		p, u, err := m.redeem(ctx, caller, token, Undelete)
		if err != nil {
			return err
		}
		id = u.ID
		d, err := m.store.reopen(ctx, id)
		if err != nil {
			return err
		}
		if err := m.takeIn(ctx, Actor{ID: id}, d, p.Email == d.Email); err != nil {
			return err
		}
		if stranger {
			letter, err = m.shutOut(ctx, id)
		}
		return err
	})
	if err == nil {
		m.forward(ctx, letter)
		m.afterDeparture(ctx, id)
	}
	return err
}

// shutOut makes useless what somebody knows or has of an account that is not theirs.
func (m *Module) shutOut(ctx context.Context, userID string) (letter string, err error) {
	if err := m.store.setPassword(ctx, userID, ""); err != nil {
		return "", err
	}
	if err := m.store.dropFactor(ctx, userID, everySince); err != nil {
		return "", err
	}
	if err := m.store.voidProofs(ctx, userID, 0, Change, Reset); err != nil {
		return "", err
	}
	if err := m.EndAll(ctx, userID, ""); err != nil {
		return "", err
	}
	u, err := m.store.byID(ctx, userID)
	if err != nil {
		return "", err
	}
	return m.issue(ctx, Reset, u, linkLetter{"reset", "/reset", u.Email, resetLife})
}

// comeBack makes an account what it was, in the transaction of ctx.
func (m *Module) comeBack(ctx context.Context, by Actor, userID string) error {
	d, err := m.store.reopen(ctx, userID)
	if err != nil {
		return err
	}
	return m.takeIn(ctx, by, d, false)
}

// takeIn gives a reopened account its e-mail back. If that was proved, or is now, whoever has signed up with it
// meanwhile and has not proved it has to give way: anybody may do that.
func (m *Module) takeIn(ctx context.Context, by Actor, d departure, proved bool) error {
	userID := d.UserID
	if proved || d.EmailVerifiedAt > 0 {
		if err := m.makeRoom(ctx, userID, d.Email, d.canonical()); err != nil {
			return err
		}
	}
	if err := m.store.giveEmailBack(ctx, d); err != nil {
		return err
	}
	if proved {
		if err := m.store.verify(ctx, userID); err != nil {
			return err
		}
	}
	return m.welcome(ctx, by, userID)
}

// makeRoom takes an e-mail that is an account's from whoever has it without having proved it, and signs them out.
func (m *Module) makeRoom(ctx context.Context, userID, email, canonical string) error {
	evicted, err := m.store.evict(ctx, userID, email, canonical)
	if err != nil {
		return err
	}
	for _, id := range evicted {
		if err := m.EndAll(ctx, id, ""); err != nil {
			return err
		}
	}
	return nil
}

// welcome shows what an account has published again, if it is open.
func (m *Module) welcome(ctx context.Context, by Actor, userID string) error {
	if err := m.showAgain(ctx, userID); err != nil {
		return err
	}
	return m.AddRecord(ctx, by.did("account.return", "user:"+userID, "", ""))
}

func (m *Module) showAgain(ctx context.Context, userID string) error {
	barred, err := m.store.suspension(ctx, userID)
	if err != nil {
		return err
	}
	return m.belongings.Return(ctx, userID, barred == nil)
}

// afterDeparture makes this process know of a commit at once, and begins what follows from it.
func (m *Module) afterDeparture(ctx context.Context, userID string) {
	m.learnAll(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err := m.workOnDeparture(ctx, userID); err != nil {
		m.log.WarnContext(ctx, "what follows from a deletion is left to a worker", "user_id", userID, "error", err)
	}
}

// WatchDepartures finishes, until ctx ends, what follows from deletions and from their ends, and erases accounts that
// were deleted long enough ago. Any number of processes may do it at the same time, and each goes on where another was
// interrupted.
func (m *Module) WatchDepartures(ctx context.Context) {
	ticker := time.NewTicker(departEvery)
	defer ticker.Stop()
	trouble := ""
	for {
		err := m.workOnDepartures(ctx)
		switch {
		case err == nil:
			trouble = ""
		case ctx.Err() == nil && err.Error() != trouble: // during an outage the error stays the same
			trouble = err.Error()
			m.log.ErrorContext(ctx, "work on deleted accounts", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// workOnDepartures works on all that are due. One that fails waits, so that it keeps no other waiting.
func (m *Module) workOnDepartures(ctx context.Context) error {
	var failed error
	for ctx.Err() == nil {
		id, err := m.store.nextDeparture(ctx)
		if err != nil || id == "" {
			return errors.Join(failed, err)
		}
		if err := m.workOnDeparture(ctx, id); err != nil {
			failed = errors.Join(failed, fmt.Errorf("account %s: %w", id, err))
		}
	}
	return failed
}

// workOnDeparture does the next step of one departure.
func (m *Module) workOnDeparture(ctx context.Context, userID string) error {
	d, err := m.store.departure(ctx, userID)
	if err != nil || d.UserID == "" {
		return err
	}
	if d.State == leaving && d.due(time.Now()) {
		if err := m.beginErasing(ctx, d); err != nil {
			return err
		}
		if d, err = m.store.departure(ctx, userID); err != nil {
			return err
		}
	}
	if d.State == erasing {
		return m.erase(ctx, d)
	}
	// Once more, because a command has no belongings at hand, and a suspension may have ended at the same moment.
	same := false
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		same, err = m.store.keepState(ctx, userID, d.State)
		switch {
		case err != nil || !same:
			return err
		case d.State == leaving:
			return m.belongings.Leave(ctx, userID)
		}
		return m.showAgain(ctx, userID)
	})
	if err != nil || !same { // whoever has changed it goes on
		return err
	}
	return m.settle(ctx, d)
}

// settle does what may take long. If the account has gone or come back meanwhile, it begins anew, because it has undone
// what another process has done since.
func (m *Module) settle(ctx context.Context, d departure) error {
	u, err := m.store.anyByID(ctx, d.UserID)
	if err != nil {
		return err
	}
	returnedAt := u.returnedAt
	if u.left {
		returnedAt = time.Time{}
		if d, err = m.store.departure(ctx, d.UserID); err != nil || d.UserID == "" {
			return err
		}
	}
	if err := m.belongings.Settle(ctx, d.UserID, d.leftAt(), returnedAt); err != nil {
		return err
	}
	switch now, err := m.store.anyByID(ctx, d.UserID); {
	case errors.Is(err, errNoAccount): // it is erased
		return nil
	case err != nil:
		return err
	case now.left != u.left || !now.returnedAt.Equal(u.returnedAt):
		return m.settle(ctx, d)
	case now.left:
		return m.store.settled(ctx, d.UserID)
	}
	return m.store.endReturn(ctx, d.UserID)
}

// beginErasing brings an account back instead, if its owner had taken the deletion back after the backup from which the
// database comes.
func (m *Module) beginErasing(ctx context.Context, d departure) error {
	returnedAt, err := m.belongings.ReturnedAt(ctx, d.UserID)
	if err != nil {
		return fmt.Errorf("look whether a person has returned: %w", err)
	}
	if returnedAt.After(d.leftAt()) {
		_, err := m.ReturnAgain(ctx, d.UserID, returnedAt)
		return err
	}
	return m.store.beginErasing(ctx, d.UserID)
}

// erase erases an account, last of all its row: whatever interrupts it, the next try finds what is left.
func (m *Module) erase(ctx context.Context, d departure) error {
	email := ""
	if d.EmailVerifiedAt > 0 {
		email = d.Email
	}
	if err := m.belongings.Erase(ctx, d.UserID, email); err != nil {
		return fmt.Errorf("erase what a person has: %w", err)
	}
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		erased, err := m.store.eraseAccount(ctx, d.UserID)
		if err != nil || !erased {
			return err
		}
		return m.AddRecord(ctx, Actor{ID: Clock}.did("account.erase", "user:"+d.UserID, "", ""))
	})
	if err == nil {
		m.log.InfoContext(ctx, "an account was erased", "user_id", d.UserID)
	}
	return err
}
