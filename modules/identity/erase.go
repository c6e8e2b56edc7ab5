package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

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
