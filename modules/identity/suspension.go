package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"risingstars/platform/fault"
	"risingstars/platform/text"
)

const (
	// standingFor is how long a process may not know of a suspension, or of its end.
	standingFor = 5 * time.Second
	// lapsesEvery is how often suspensions that have ended are looked for.
	lapsesEvery = 5 * time.Second
)

// Entries hides what a suspended account has published, and shows it again. Both join the transaction in ctx, may be
// repeated, and return how many entries they moved.
type Entries interface {
	HideOwner(ctx context.Context, userID string) (int, error)
	ShowOwner(ctx context.Context, userID string) (int, error)
}

// Suspension says why an account may not sign in, upload or vote, and until when.
type Suspension struct {
	UserID string
	Cause  Cause // of the list; "": Reason is all
	Reason string
	Since  time.Time
	Until  time.Time // zero: until somebody ends it

	left time.Duration // until its end, when it was read, by the database's clock
}

// holds reports whether the suspension has not ended some time after it was read.
func (s Suspension) holds(later time.Duration) bool { return s.Until.IsZero() || later < s.left }

// Text says why in a sentence, and with the organiser's own words.
func (s Suspension) Text() fault.Text { return saying(s.Cause, s.Reason) }

// inUTC says a time where nobody says it as people do.
func inUTC(t time.Time) fault.Text {
	written := t.UTC().Format(time.RFC3339)
	return fault.Text{ES: written, EN: written}
}

// fault returns errSuspended with the reason and the end, which say says to people, and the field to programs.
func (s Suspension) fault(say func(time.Time) fault.Text) error {
	f, why := errSuspended.With(nil), s.Text()
	f.Text.ES, f.Text.EN = f.Text.ES+" Motivo: "+why.ES, f.Text.EN+" Reason: "+why.EN
	f = f.WithFields(fault.Field{Location: "reason", Message: why})
	if s.Until.IsZero() {
		return f
	}
	until := say(s.Until)
	f.Text.ES, f.Text.EN = f.Text.ES+" Hasta: "+until.ES+".", f.Text.EN+" Until: "+until.EN+"."
	return f.WithFields(fault.Field{Location: "until", Message: inUTC(s.Until)})
}

// Suspend keeps an account out until a time (zero: until somebody lets it back in), ends its sessions and hides its
// entries. One that is suspended already gets the new reason and end. It returns how many entries were hidden.
func (m *Module) Suspend(ctx context.Context, by Actor, userID string, until time.Time) (hidden int, err error) {
	if err := by.explained(); err != nil {
		return 0, err
	}
	moment, err := m.store.db.Now(ctx)
	if err != nil {
		return 0, err
	}
	if !until.IsZero() && !until.After(moment) {
		return 0, fault.ErrInvalid.WithFields(fault.Field{
			Location: "body.until", Message: fault.Text{ES: "debe estar en el futuro", EN: "must be in the future"},
		})
	}
	now := Suspension{UserID: userID, Cause: by.Cause, Reason: text.Clean(by.Reason), Until: until}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		admin, err := m.mayBar(ctx, by, userID)
		if err != nil {
			return err
		}
		if by.ID == userID {
			return errOwnAccount
		}
		before, err := m.store.suspension(ctx, userID)
		if err != nil {
			return err
		}
		if err := m.store.suspend(ctx, now); err != nil {
			return err
		}
		if admin {
			if err := m.keepsAnAdmin(ctx); err != nil {
				return err
			}
		}
		if err := m.EndAll(ctx, userID, ""); err != nil {
			return err
		}
		if m.entries != nil {
			if hidden, err = m.entries.HideOwner(ctx, userID); err != nil {
				return err
			}
		}
		return m.AddRecord(ctx, by.did("user.suspend", "user:"+userID, standingText(before), standingText(&now)))
	})
	if err == nil {
		m.standing.forget()
		m.learnAll(ctx)
	}
	return hidden, err
}

// Unsuspend lets an account back in and shows its entries again. It returns how many.
func (m *Module) Unsuspend(ctx context.Context, by Actor, userID string) (shown int, err error) {
	if err := by.explained(); err != nil {
		return 0, err
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		if _, err := m.mayBar(ctx, by, userID); err != nil {
			return err
		}
		before, err := m.store.suspension(ctx, userID)
		if err == nil && before == nil {
			err = errNotSuspended
		}
		if err != nil {
			return err
		}
		shown, err = m.letBackIn(ctx, by, *before)
		return err
	})
	if err == nil {
		m.standing.forget()
	}
	return shown, err
}

// EndSessions ends all sessions of an account.
func (m *Module) EndSessions(ctx context.Context, by Actor, userID string) error {
	if err := by.explained(); err != nil {
		return err
	}
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		if _, err := m.mayBar(ctx, by, userID); err != nil {
			return err
		}
		if err := m.EndAll(ctx, userID, ""); err != nil {
			return err
		}
		return m.AddRecord(ctx, by.did("sessions.end", "user:"+userID, "", ""))
	})
	if err == nil {
		m.learnAll(ctx)
	}
	return err
}

// mayBar returns nil if the actor may suspend the account, and reports whether that is an admin's, which only another
// admin may.
func (m *Module) mayBar(ctx context.Context, by Actor, userID string) (admin bool, err error) {
	roles, err := m.lockRoles(ctx, userID)
	if err != nil {
		return false, err
	}
	if err := m.Allow(ctx, by.ID, BarUsers); err != nil {
		return false, err
	}
	if _, err := m.store.userByID(ctx, userID); err != nil {
		return false, err
	}
	if !slices.Contains(roles, Admin) {
		return false, nil
	}
	return true, m.Allow(ctx, by.ID, GrantRoles)
}

// letBackIn ends a suspension in the transaction of ctx.
func (m *Module) letBackIn(ctx context.Context, by Actor, s Suspension) (shown int, err error) {
	ended, err := m.store.unsuspend(ctx, s)
	if err != nil || !ended {
		return 0, err
	}
	user, err := m.store.anyByID(ctx, s.UserID)
	if err != nil && !errors.Is(err, errNoAccount) {
		return 0, err
	}
	if m.entries != nil && err == nil && !user.left {
		if shown, err = m.entries.ShowOwner(ctx, s.UserID); err != nil {
			return 0, err
		}
	}
	return shown, m.AddRecord(ctx, by.did("user.unsuspend", "user:"+s.UserID, standingText(&s), ""))
}

// standingText is how the log writes a suspension; nil is none.
func standingText(s *Suspension) string {
	switch {
	case s == nil:
		return ""
	case s.Until.IsZero():
		return "suspended: " + because(s.Cause, s.Reason)
	}
	return "suspended until " + s.Until.UTC().Format(time.RFC3339) + ": " + because(s.Cause, s.Reason)
}

// MayAct returns errSuspended, with the reason, for an account that is suspended. It may not know yet of what happened
// within standingFor, so that it costs no query for each act.
func (m *Module) MayAct(ctx context.Context, userID string) error {
	return m.standing.check(ctx, m.store, userID)
}

// standing has the suspended accounts as they were a moment ago. They are few, so that all are read at once.
type standing struct {
	mu     sync.Mutex
	barred map[string]Suspension
	readAt time.Time
}

func (s *standing) check(ctx context.Context, rows *store, userID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.readAt) >= standingFor {
		barred, err := rows.suspensions(ctx)
		if err != nil {
			return err
		}
		s.barred, s.readAt = barred, now
	}
	if known, ok := s.barred[userID]; ok && known.holds(now.Sub(s.readAt)) {
		return known.fault(rows.say)
	}
	return nil
}

// forget has the next check read the rows again.
func (s *standing) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readAt = time.Time{}
}

// WatchSuspensions ends suspensions whose time has come by the database's clock, until ctx ends. Several processes may
// do it at once.
func (m *Module) WatchSuspensions(ctx context.Context) {
	ticker := time.NewTicker(lapsesEvery)
	defer ticker.Stop()
	for {
		if err := m.endLapsed(ctx); err != nil && ctx.Err() == nil {
			m.log.WarnContext(ctx, "suspensions that have ended were not lifted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Module) endLapsed(ctx context.Context) error {
	lapsed, err := m.store.lapsed(ctx)
	if err != nil {
		return err
	}
	for _, s := range lapsed {
		err := m.store.db.InTx(ctx, func(ctx context.Context) error {
			_, err := m.letBackIn(ctx, Actor{ID: Clock}, s)
			return err
		})
		if err != nil {
			return fmt.Errorf("end the suspension of %s: %w", s.UserID, err)
		}
	}
	return nil
}
