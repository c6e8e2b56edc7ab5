package identity

import (
	"context"
	"fmt"
	"math"
	"time"

	"risingstars/platform/database"
)

// factorRow is a second factor. It holds once it is confirmed.
type factorRow struct {
	UserID      string
	Secret      string // closed
	ConfirmedAt *int64
}

func (r factorRow) holds() bool { return r.ConfirmedAt != nil }

// since returns when the factor began to hold; 0: it does not.
func (r factorRow) since() int64 {
	if r.ConfirmedAt == nil {
		return 0
	}
	return *r.ConfirmedAt
}

// factor returns the second factor of an account; the zero value if there is none.
func (s *store) factor(ctx context.Context, userID string) (row factorRow, err error) {
	err = s.db.Query(ctx, &row, `SELECT user_id, secret, confirmed_at FROM identity_factors WHERE user_id = ?`, userID)
	if err != nil {
		return factorRow{}, fmt.Errorf("read a second factor: %w", err)
	}
	return row, nil
}

// offerFactor replaces a factor that is not confirmed. It reports false if there is one that is.
func (s *store) offerFactor(ctx context.Context, userID, secret string, now time.Time) (bool, error) {
	changed, err := s.db.Exec(ctx, `
		INSERT INTO identity_factors (user_id, secret, created_at) VALUES (?, ?, ?)
		ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at
		WHERE identity_factors.confirmed_at IS NULL`, userID, secret, database.Micros(now))
	if err != nil {
		return false, fmt.Errorf("offer a second factor: %w", err)
	}
	return changed > 0, nil
}

// useStep notes that the code of a step was used, and closes the secret anew. It reports false if that code, or a later
// one, was used before. A last step in the future is from before the clock was put back, and does not count.
func (s *store) useStep(ctx context.Context, userID, secret string, step, present int64) (bool, error) {
	changed, err := s.db.Exec(ctx, `UPDATE identity_factors SET last_step = ?, secret = ?
		WHERE user_id = ? AND (last_step < ? OR last_step > ?)`, step, secret, userID, step, present+factorSteps)
	if err != nil {
		return false, fmt.Errorf("use a code: %w", err)
	}
	return changed > 0, nil
}

// confirmFactor makes the factor hold, with its recovery codes. It reports false if it holds already.
func (s *store) confirmFactor(ctx context.Context, userID string, codeHashes []string) (bool, error) {
	confirmed := false
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		changed, err := s.db.Exec(ctx, `UPDATE identity_factors SET confirmed_at = `+s.db.Clock()+`
			WHERE user_id = ? AND confirmed_at IS NULL`, userID)
		if confirmed = changed > 0; err != nil || !confirmed {
			return err
		}
		for _, hash := range codeHashes {
			_, err := s.db.Exec(ctx, `INSERT INTO identity_recovery_codes (user_id, code_hash) VALUES (?, ?)`,
				userID, hash)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("confirm a second factor: %w", err)
	}
	return confirmed, nil
}

// useRecovery reports whether the account had the recovery code. It has it no more.
func (s *store) useRecovery(ctx context.Context, userID, hash string) (bool, error) {
	deleted, err := s.db.Exec(ctx, `DELETE FROM identity_recovery_codes WHERE user_id = ? AND code_hash = ?`,
		userID, hash)
	if err != nil {
		return false, fmt.Errorf("use a recovery code: %w", err)
	}
	return deleted > 0, nil
}

func (s *store) recoveryCodes(ctx context.Context, userID string) (int, error) {
	var row struct{ N int }
	err := s.db.Query(ctx, &row, `SELECT COUNT(*) AS n FROM identity_recovery_codes WHERE user_id = ?`, userID)
	if err != nil {
		return 0, fmt.Errorf("count recovery codes: %w", err)
	}
	return row.N, nil
}

// What dropFactor drops beside a factor that is only offered: any, or none.
const (
	everySince int64 = -1
	neverSince int64 = math.MaxInt64
)

// dropFactor removes a second factor that was confirmed after a time of the database's clock, or only offered.
func (s *store) dropFactor(ctx context.Context, userID string, since int64) error {
	dropped, err := s.db.Exec(ctx, `DELETE FROM identity_factors
		WHERE user_id = ? AND (confirmed_at IS NULL OR confirmed_at > ?)`, userID, since)
	if err != nil {
		return fmt.Errorf("drop a second factor: %w", err)
	}
	if dropped == 0 {
		return nil
	}
	return s.deleteFactor(ctx, userID)
}

func (s *store) deleteFactor(ctx context.Context, userID string) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		for _, table := range []string{"identity_recovery_codes", "identity_factors"} {
			if _, err := s.db.Exec(ctx, `DELETE FROM `+table+` WHERE user_id = ?`, userID); err != nil {
				return fmt.Errorf("remove a second factor: %w", err)
			}
		}
		return nil
	})
}
