package media

import (
	"context"
	"fmt"
	"time"
)

const (
	// roundLease is for how long a worker has a round, unless it renews the lease.
	roundLease = 2 * time.Minute
	// roundPause is how long nobody goes on with a round after an error.
	roundPause = 10 * time.Minute
)

// roundClaim is a worker's right to look for the files of the published videos that follow AfterID.
type roundClaim struct {
	Turn    int64
	AfterID string
}

// takeRound goes on with a round that began less than every ago, or begins one if none was complete within that time.
// It reports false if none is due, or if another worker has it.
func (s *store) takeRound(ctx context.Context, every time.Duration) (r roundClaim, taken bool, err error) {
	now := s.clock()
	// What is in the future was written before the clock was set back.
	held := `lease_until > ` + now + ` AND lease_until <= ` + plus(now, roundPause)
	open := `after_id <> '' AND began_at > ` + plus(now, -every) + ` AND began_at <= ` + now
	due := `completed_at <= ` + plus(now, -every) + ` OR completed_at > ` + now
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		r = roundClaim{}
		return s.db.Query(ctx, &r, fmt.Sprintf(`
			UPDATE media_rounds SET turn = turn + 1, lease_until = %[1]s,
				after_id = CASE WHEN %[2]s THEN after_id ELSE '' END,
				began_at = CASE WHEN %[2]s THEN began_at ELSE %[3]s END
			WHERE name = 'published' AND NOT (%[4]s) AND (%[2]s OR %[5]s)
			RETURNING turn, after_id`, plus(now, roundLease), open, now, held, due))
	})
	if err != nil {
		return r, false, fmt.Errorf("take a round through published files: %w", err)
	}
	return r, r.Turn > 0, nil
}

// keepRound renews the lease and records how far the round is. It reports false if another worker has it.
func (s *store) keepRound(ctx context.Context, r roundClaim) (bool, error) {
	return s.setRound(ctx, r, `lease_until = `+plus(s.clock(), roundLease)+`, after_id = ?`, r.AfterID)
}

// leaveRound lets any worker go on with the round after a pause.
func (s *store) leaveRound(ctx context.Context, r roundClaim, pause time.Duration) error {
	_, err := s.setRound(ctx, r, `lease_until = `+plus(s.clock(), pause))
	return err
}

func (s *store) completeRound(ctx context.Context, r roundClaim) error {
	_, err := s.setRound(ctx, r, `lease_until = 0, after_id = '', completed_at = `+s.clock())
	return err
}

func (s *store) setRound(ctx context.Context, r roundClaim, set string, args ...any) (bool, error) {
	rows, err := s.db.Exec(ctx, `UPDATE media_rounds SET `+set+` WHERE name = 'published' AND turn = ?`,
		append(args, r.Turn)...)
	if err != nil {
		return false, fmt.Errorf("record a round through published files: %w", err)
	}
	return rows > 0, nil
}

// forgetRounds makes a new round due. One that is under way ends.
func (s *store) forgetRounds(ctx context.Context) error {
	_, err := s.db.Exec(ctx,
		`UPDATE media_rounds SET turn = turn + 1, lease_until = 0, after_id = '', completed_at = 0`)
	if err != nil {
		return fmt.Errorf("forget the rounds through published files: %w", err)
	}
	return nil
}
