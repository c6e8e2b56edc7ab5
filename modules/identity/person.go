package identity

import (
	"context"
	"errors"
	"time"
)

// mostOwnActs bounds what a person reads of the log.
const mostOwnActs = 1000

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
		life := min(undoLife, max(0, time.Until(leftAt.Add(undoLife)))) // whatever clock has said when that was
		_, err = m.depart(ctx, Actor{ID: Clock, Reason: "It was deleted after the backup."}, u, life)
		return err
	})
	return again, err
}
