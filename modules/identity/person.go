package identity

import (
	"context"
	"errors"
	"time"
)

// mostOwnActs bounds what a person reads of the log.
const mostOwnActs = 1000

// restoredLife is for how long an account can come back at least, after its database was restored from a backup.
const restoredLife = 24 * time.Hour

// ActsOf returns the latest acts in the log that were done to an account, and those that it has done by its roles.
func (m *Module) ActsOf(ctx context.Context, userID string) (done, by []Record, err error) {
	if done, _, err = m.store.records(ctx, LogFilter{Subject: "user:" + userID}, 0, mostOwnActs); err != nil {
		return nil, nil, err
	}
	by, _, err = m.store.records(ctx, LogFilter{Actor: userID}, 0, mostOwnActs)
	return done, by, err
}

// DeleteAgain deletes an account that its owner had deleted at a time, and that a restored backup has brought back. It
// reports false if there is no such account, it is deleted, or it has come back by its owner's wish since.
func (m *Module) DeleteAgain(ctx context.Context, userID string, leftAt time.Time) (again bool, err error) {
	u, err := m.store.anyByID(ctx, userID)
	if errors.Is(err, errNoAccount) {
		return false, nil
	}
	if err != nil || u.left || !u.returnedAt.Before(leftAt) {
		return false, err
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.store.lockAdmins(ctx); err != nil {
			return err
		}
		if err := m.store.lockAccount(ctx, userID); err != nil {
			return err
		}
		u, err := m.store.anyByID(ctx, userID)
		if again = err == nil && !u.left; err != nil || !again {
			return err
		}
		// At most undoLife, whatever clock has said when that was.
		life := min(undoLife, max(restoredLife, time.Until(leftAt.Add(undoLife))))
		_, err = m.depart(ctx, Actor{ID: Clock, Reason: "It was deleted after the backup."}, u, life)
		return err
	})
	return again, err
}

// ReturnAgain brings an account back whose owner had taken its deletion back at a time that a restored backup does not
// know. It reports false if the account is not deleted, or was deleted after that.
func (m *Module) ReturnAgain(ctx context.Context, userID string, returnedAt time.Time) (back bool, err error) {
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		d, err := m.store.reopenBefore(ctx, userID, returnedAt)
		if back = err == nil; errors.Is(err, errLinkExpired) {
			return nil
		}
		if err != nil {
			return err
		}
		return m.takeIn(ctx, Actor{ID: Clock, Reason: "It had come back after the backup."}, d, false)
	})
	return back && err == nil, err
}

// DelayErasures gives each deleted account at least a day in which it can come back, because its owner may have brought
// it back after the backup from which the database was restored.
func (m *Module) DelayErasures(ctx context.Context) error {
	return m.store.delayErasures(ctx, restoredLife)
}

// Known returns those of the accounts that are not erased, deleted ones as well.
func (m *Module) Known(ctx context.Context, userIDs []string) ([]string, error) {
	return m.store.known(ctx, userIDs)
}
