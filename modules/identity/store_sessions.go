package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/database"
)

// The kinds of sessions.
const (
	kindBrowser = "browser" // its token is in a cookie
	kindProgram = "program" // its tokens are for refreshing, one after the other
)

type sessionRow struct {
	TokenHash    string `gorm:"primaryKey"`
	UserID       string
	ID           *string // NULL in what older versions have written
	Kind         string
	Agent        string
	Network      string
	CreatedAt    int64 `gorm:"autoCreateTime:false"`
	UsedAt       int64
	ExpiresAt    int64
	PreviousHash *string
	Seed         string
	RotatedAt    int64
	Now          int64 `gorm:"->;-:migration"` // the database's clock, in rows that are read with it
}

func (sessionRow) TableName() string { return "identity_browsers" }

// id of a session that has none is made of its token's hash, in the form of a UUID of version 8 (RFC 9562 §5.8).
func (r sessionRow) id() string {
	if h := r.TokenHash; r.ID == nil {
		return h[:8] + "-" + h[8:12] + "-8" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
	}
	return *r.ID
}

func (r sessionRow) session() SignedIn {
	return SignedIn{
		ID: r.id(), Browser: r.Kind == kindBrowser, Agent: r.Agent, Network: r.Network,
		CreatedAt: database.FromMicros(r.CreatedAt), UsedAt: database.FromMicros(r.UsedAt),
		ExpiresAt: database.FromMicros(r.ExpiresAt),
	}
}

func (r sessionRow) expired() bool { return r.ExpiresAt < r.Now }

// usedWithin reports whether the session was used less than d ago. A use in the future, from before the clock was put
// back, does not count.
func (r sessionRow) usedWithin(d time.Duration) bool {
	return r.UsedAt > r.Now-d.Microseconds() && r.UsedAt <= r.Now
}

// insertSession writes a session that lives for ttl. It first forgets the account's expired ones, and ends what room
// returns of the others. Somebody who has signed in is looked at again: a password that was changed meanwhile, a second
// factor that was set up, or a suspension lets nobody in.
func (s *store) insertSession(
	ctx context.Context, row sessionRow, v Visitor, ttl, keep time.Duration,
	room func([]sessionRow) []sessionRow,
) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		if v.proof != "" {
			if err := s.lookAgain(ctx, v); err != nil {
				return err
			}
		}
		now := s.db.Clock()
		_, err := s.db.Exec(ctx, `DELETE FROM identity_browsers WHERE user_id = ? AND expires_at < `+now, row.UserID)
		if err != nil {
			return fmt.Errorf("forget expired sessions: %w", err)
		}
		others, err := s.sessions(ctx, row.UserID)
		if err != nil {
			return err
		}
		if err := s.deleteSessions(ctx, row.UserID, room(others), keep); err != nil {
			return err
		}
		_, err = s.db.Exec(ctx, `
			INSERT INTO identity_browsers (token_hash, user_id, id, kind, agent, network, created_at, used_at,
				expires_at)
			VALUES (?, ?, ?, ?, ?, ?, `+now+`, `+now+`, `+now+` + ?)`,
			row.TokenHash, row.UserID, row.ID, row.Kind, row.Agent, row.Network, ttl.Microseconds())
		if err != nil {
			return fmt.Errorf("open a session: %w", err)
		}
		return nil
	})
}

// lookAgain locks the account, and returns the fault of a sign-in that would not succeed any more.
func (s *store) lookAgain(ctx context.Context, v Visitor) error {
	if err := s.stillHas(ctx, v.UserID, v.proof); errors.Is(err, errWrongPassword) {
		return errBadCredentials
	} else if err != nil {
		return err
	}
	if err := s.barred(ctx, v.UserID); err != nil {
		return err
	}
	factor, err := s.factor(ctx, v.UserID)
	if err == nil && factor.holds() && factor.since() != v.factor {
		return errFactorAsked
	}
	return err
}

// sessions returns those of an account, the last used first, also those that have just expired.
func (s *store) sessions(ctx context.Context, userID string) ([]sessionRow, error) {
	var rows []sessionRow
	err := s.db.Query(ctx, &rows, `SELECT identity_browsers.*, `+s.db.Clock()+` AS now FROM identity_browsers
		WHERE user_id = ? ORDER BY used_at DESC, id DESC, token_hash`, userID)
	if err != nil {
		return nil, fmt.Errorf("read the sessions of an account: %w", err)
	}
	return rows, nil
}

// browser returns errNoBrowser if none is signed in with the token.
func (s *store) browser(ctx context.Context, hash string) (sessionRow, error) {
	var row sessionRow
	err := s.db.Gorm(ctx).Select(`identity_browsers.*, `+s.db.Clock()+` AS now`).
		Where("token_hash = ? AND kind = ?", hash, kindBrowser).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound), err == nil && row.expired():
		return row, errNoBrowser
	case err != nil:
		return row, fmt.Errorf("read a browser: %w", err)
	}
	return row, nil
}

func (s *store) renewBrowser(ctx context.Context, hash, network string, ttl time.Duration) error {
	now := s.db.Clock()
	_, err := s.db.Exec(ctx, `UPDATE identity_browsers SET used_at = `+now+`, expires_at = `+now+` + ?, network = ?
		WHERE token_hash = ? AND kind = ?`, ttl.Microseconds(), network, hash, kindBrowser)
	if err != nil {
		return fmt.Errorf("renew a browser: %w", err)
	}
	return nil
}

func (s *store) deleteBrowser(ctx context.Context, hash string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM identity_browsers WHERE token_hash = ? AND kind = ?`, hash, kindBrowser)
	if err != nil {
		return fmt.Errorf("sign out a browser: %w", err)
	}
	return nil
}

// program returns the session whose present refresh token has the hash, or whose token before that. It reports false if
// there is none.
func (s *store) program(ctx context.Context, hash string) (row sessionRow, found bool, err error) {
	return s.oneSession(ctx, `(token_hash = ? OR previous_hash = ?)`, hash, hash)
}

// programByID is program for a session's id.
func (s *store) programByID(ctx context.Context, id string) (row sessionRow, found bool, err error) {
	return s.oneSession(ctx, `id = ?`, id)
}

func (s *store) oneSession(ctx context.Context, where string, values ...any) (row sessionRow, found bool, err error) {
	var rows []sessionRow
	err = s.db.Query(ctx, &rows, `SELECT identity_browsers.*, `+s.db.Clock()+` AS now FROM identity_browsers
		WHERE `+where+` AND kind = 'program'`, values...)
	if err != nil {
		return row, false, fmt.Errorf("read a session: %w", err)
	}
	if len(rows) == 0 {
		return row, false, nil
	}
	return rows[0], true, nil
}

// rotate replaces the session's present token, whose hash is row.TokenHash, unless another request has done so: then it
// reports false.
func (s *store) rotate(
	ctx context.Context, row sessionRow, next, seed, network string, ttl time.Duration,
) (rotated bool, err error) {
	now := s.db.Clock()
	changed, err := s.db.Exec(ctx, `
		UPDATE identity_browsers SET token_hash = ?, previous_hash = ?, seed = ?, rotated_at = `+now+`,
			used_at = `+now+`, expires_at = `+now+` + ?, network = ?
		WHERE token_hash = ? AND kind = 'program'`,
		next, row.TokenHash, seed, ttl.Microseconds(), network, row.TokenHash)
	if err != nil {
		return false, fmt.Errorf("refresh a session: %w", err)
	}
	return changed > 0, nil
}

// deleteSessions deletes sessions of an account, and notes for keep that those of programs have ended. Their tokens may
// be replaced meanwhile, so it finds these by their ids.
func (s *store) deleteSessions(ctx context.Context, userID string, rows []sessionRow, keep time.Duration) error {
	if len(rows) == 0 {
		return nil
	}
	programs, browsers := []string{}, []string{}
	for _, row := range rows {
		if row.Kind == kindProgram {
			programs = append(programs, row.id())
		} else {
			browsers = append(browsers, row.TokenHash)
		}
	}
	return s.db.InTx(ctx, func(ctx context.Context) error {
		if len(browsers) > 0 {
			_, err := s.db.Exec(ctx, `DELETE FROM identity_browsers WHERE user_id = ? AND token_hash IN ?`,
				userID, browsers)
			if err != nil {
				return fmt.Errorf("end sessions: %w", err)
			}
		}
		if len(programs) == 0 {
			return nil
		}
		_, err := s.db.Exec(ctx, `DELETE FROM identity_browsers WHERE user_id = ? AND id IN ?`, userID, programs)
		if err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		return s.noteEndings(ctx, programs, keep)
	})
}

// lockAccount waits for whoever signs in to the account or changes it, and keeps others waiting until the transaction
// ends.
func (s *store) lockAccount(ctx context.Context, userID string) error {
	if _, err := s.db.Exec(ctx, `UPDATE identity_users SET id = id WHERE id = ?`, userID); err != nil {
		return fmt.Errorf("lock an account: %w", err)
	}
	return nil
}

// sweepSessions deletes expired sessions and endings that matter no more, at most most of each, and reports whether
// there may be more.
func (s *store) sweepSessions(ctx context.Context, most int) (more bool, err error) {
	for _, statement := range []string{
		`DELETE FROM identity_browsers WHERE token_hash IN (
			SELECT token_hash FROM identity_browsers WHERE expires_at < ` + s.db.Clock() + ` LIMIT ?)`,
		`DELETE FROM identity_endings WHERE id IN (
			SELECT id FROM identity_endings WHERE expires_at < ` + s.db.Clock() + ` LIMIT ?)`,
	} {
		deleted, err := s.db.Exec(ctx, statement, most)
		if err != nil {
			return false, fmt.Errorf("delete old sessions: %w", err)
		}
		more = more || deleted == int64(most)
	}
	return more, nil
}

// ForgetSessions ends all sessions of all accounts, as after a restore of an old backup. Access tokens end by
// themselves.
func ForgetSessions(ctx context.Context, db *database.DB) error {
	if _, err := db.Exec(ctx, `DELETE FROM identity_browsers`); err != nil {
		return fmt.Errorf("end all sessions: %w", err)
	}
	return nil
}
