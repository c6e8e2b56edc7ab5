package identity

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

type suspensionRow struct {
	UserID      string
	Reason      string
	SuspendedAt int64
	Until       int64
	Now         int64 // by the database's clock, as the others
}

func (r suspensionRow) suspension() Suspension {
	cause, words := parseKept(r.Reason)
	s := Suspension{UserID: r.UserID, Cause: cause, Reason: words, Since: database.FromMicros(r.SuspendedAt)}
	if r.Until != 0 {
		s.Until = database.FromMicros(r.Until)
		s.left = s.Until.Sub(database.FromMicros(r.Now))
	}
	return s
}

func untilMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return database.Micros(t)
}

// barred returns errSuspended, with the reason, if the account is suspended at this moment, and errNoAccount if it is
// deleted.
func (s *store) barred(ctx context.Context, userID string) error {
	known, err := s.suspension(ctx, userID)
	if err == nil && known != nil && known.holds(0) {
		err = known.fault(s.say)
	}
	if err != nil {
		return err
	}
	if user, err := s.anyByID(ctx, userID); err != nil || user.left {
		return cmp.Or(err, error(errNoAccount))
	}
	return nil
}

// suspension returns nil if there is none. It may have lapsed.
func (s *store) suspension(ctx context.Context, userID string) (*Suspension, error) {
	all, err := s.suspensionsOf(ctx, []string{userID})
	if known, ok := all[userID]; ok {
		return &known, nil
	}
	return nil, err
}

func (s *store) suspensionsOf(ctx context.Context, userIDs []string) (map[string]Suspension, error) {
	return s.suspensionsWhere(ctx, `user_id IN ?`, userIDs)
}

func (s *store) suspensions(ctx context.Context) (map[string]Suspension, error) {
	return s.suspensionsWhere(ctx, `until = 0 OR until > `+s.db.Clock())
}

// lapsed returns suspensions that have ended but were not lifted, a hundred at most.
func (s *store) lapsed(ctx context.Context) (map[string]Suspension, error) {
	return s.suspensionsWhere(ctx, `until > 0 AND until <= `+s.db.Clock()+` ORDER BY until LIMIT 100`)
}

func (s *store) suspensionsWhere(ctx context.Context, where string, values ...any) (map[string]Suspension, error) {
	var rows []suspensionRow
	err := s.db.Query(ctx, &rows,
		`SELECT user_id, reason, suspended_at, until, `+s.db.Clock()+` AS now FROM identity_suspensions WHERE `+where,
		values...)
	if err != nil {
		return nil, fmt.Errorf("read suspensions: %w", err)
	}
	found := make(map[string]Suspension, len(rows))
	for _, row := range rows {
		found[row.UserID] = row.suspension()
	}
	return found, nil
}

func (s *store) suspend(ctx context.Context, n Suspension) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO identity_suspensions (user_id, reason, suspended_at, until) VALUES (?, ?, `+s.db.Clock()+`, ?)
		ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, until = excluded.until`,
		n.UserID, kept(n.Cause, n.Reason), untilMicros(n.Until))
	if err != nil {
		return fmt.Errorf("suspend an account: %w", err)
	}
	return nil
}

// unsuspend reports false if the suspension is not that any more.
func (s *store) unsuspend(ctx context.Context, known Suspension) (bool, error) {
	n, err := s.db.Exec(ctx, `DELETE FROM identity_suspensions WHERE user_id = ? AND until = ?`, known.UserID,
		untilMicros(known.Until))
	if err != nil {
		return false, fmt.Errorf("end a suspension: %w", err)
	}
	return n > 0, nil
}
