package media

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// What is tried again waits firstPause, and twice as long after every further failure, until it waits longestPause.
const (
	firstPause   = 10 * time.Second
	pauseDoubles = 8
	longestPause = firstPause << pauseDoubles
)

// clock is the database's clock in SQL. A statement asks it for each row, after it has waited for the row's lock. So a
// time that is already in the row is in the past, unless the clock was set back.
func (s *store) clock() string {
	if s.db.Dialect() == database.PostgreSQL {
		return `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`
	}
	return s.db.Clock() // nobody else changes a row during the statement
}

// moment is the time at which the statement began: PostgreSQL looks nothing up in an index by a clock that goes on. The
// time in a row that another statement has just changed may be later.
func (s *store) moment() string { return s.db.Clock() }

// plus is the SQL of a time that is d later.
func plus(clock string, d time.Duration) string {
	return fmt.Sprintf(`(%s + CAST(%d AS BIGINT))`, clock, d.Microseconds())
}

// leased is a condition: a worker has a valid lease. A lease that ends later than a new one would is from the time
// before the clock was set back, and does not count.
func leased(clock string) string {
	return `(lease_until > ` + clock + ` AND lease_until <= ` + plus(clock, leaseTime) + `)`
}

// tryAgain is the time after the pause that follows the present try; tries counts those before it.
func (s *store) tryAgain() string {
	return fmt.Sprintf(`(%s + CAST(%d AS BIGINT) * (1 << CASE WHEN tries < %d THEN tries ELSE %d END))`,
		s.clock(), firstPause.Microseconds(), pauseDoubles, pauseDoubles)
}

// skipLocked follows a SELECT whose rows the statement changes: what another process is changing is left to it.
func (s *store) skipLocked() string {
	if s.db.Dialect() == database.PostgreSQL {
		return ` FOR UPDATE SKIP LOCKED`
	}
	return ``
}

// bringBack corrects times that are farther in the future than they can have been written, because the clock was set
// back since. Otherwise, what is due would wait for as long as the clock was wrong. sentAhead is how far in the future
// sent_at may be.
func (s *store) bringBack(ctx context.Context, sentAhead time.Duration) error {
	now, moment := s.clock(), s.moment()
	for what, statement := range map[string]string{
		"sent tasks": `UPDATE media_videos SET sent_at = ` + now + `
			WHERE status IN ('uploaded', 'processing') AND NOT mock AND sent_at > ` + plus(moment, sentAhead),
		"direct uploads": `UPDATE media_direct_uploads SET expires_at = ` + plus(now, directLifetime) + `
			WHERE expires_at > ` + plus(moment, directLifetime+clockSlack),
		"orphans": `UPDATE media_unclaimed_files
			SET delete_after = CASE WHEN deleting THEN 0 ELSE ` + plus(now, longestGrace) + ` END
			WHERE delete_after > ` + plus(moment, longestPause+clockSlack) + `
				AND (deleting OR delete_after > ` + plus(moment, longestGrace+clockSlack) + `)`,
	} {
		if _, err := s.db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("correct the times of %s: %w", what, err)
		}
	}
	return nil
}
