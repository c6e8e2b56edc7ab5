package database

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// lockTimeout is how long a statement of a migration waits for a lock. Whoever comes later and needs the same
	// table, even to read it, waits behind that statement.
	lockTimeout = 2 * time.Second
	// Between two tries, everybody else goes on.
	firstLockPause = time.Second
	maxLockPause   = 10 * time.Second

	postgresLockTimeout = "55P03" // SQLSTATE lock_not_available
	holdersEvery        = 500 * time.Millisecond
)

// untilLocked calls run until it ends otherwise than by the lock timeout, for up to migrationWait. It passes a lock for
// one try.
func (db *DB) untilLocked(
	ctx context.Context, file string, timeout time.Duration, run func(ctx context.Context, lock *sessionLock) error,
) error {
	giveUp := time.Now().Add(migrationWait)
	for pause := firstLockPause; ; pause = min(2*pause, maxLockPause) {
		lock, err := newSessionLock(timeout)
		if err != nil {
			return err
		}
		watch := db.watchHolders(ctx, file, lock)
		err = run(ctx, lock)
		holders := watch.stop()
		pg, ok := errors.AsType[*pgconn.PgError](err)
		timedOut := ok && pg.Code == postgresLockTimeout
		if !timedOut && (err == nil || ctx.Err() == nil || holders == "") {
			return err
		}
		if timedOut && time.Now().Before(giveUp) {
			select {
			case <-time.After(pause):
				continue
			case <-ctx.Done():
				err = errors.Join(err, ctx.Err())
			}
		}
		return fmt.Errorf("%s waits for a lock that other transactions have (%s; let them end, or end them with "+
			"pg_terminate_backend, and migrate again): %w", file, cmp.Or(holders, "find them in pg_locks"), err)
	}
}

// watch looks for the transactions that a migration waits for, while it runs, because afterwards nobody knows.
type watch struct {
	cancel  context.CancelFunc
	done    sync.WaitGroup
	holders string
}

// watchHolders also logs the transactions.
func (db *DB) watchHolders(ctx context.Context, file string, lock *sessionLock) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel}
	w.done.Go(func() {
		ticker := time.NewTicker(holdersEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			holders := db.holders(ctx, lock.pid.Load())
			if holders == "" || holders == w.holders {
				continue
			}
			w.holders = holders
			db.log.WarnContext(ctx, "a migration waits for other transactions", "file", file, "transactions", holders)
		}
	})
	return w
}

// stop returns the last transactions that the migration waited for.
func (w *watch) stop() string {
	w.cancel()
	w.done.Wait()
	return w.holders
}

// holders describes the transactions that the server process pid waits for. It returns "" if there are none or it
// cannot tell.
func (db *DB) holders(ctx context.Context, pid int32) string {
	var rows []struct {
		Pid                                    int32
		Usename, ApplicationName, State, Since string
	}
	// Another role's state is hidden from those who may not monitor.
	err := db.Query(ctx, &rows, `
		SELECT DISTINCT a.pid, COALESCE(a.usename, '') AS usename, a.application_name,
			COALESCE(a.state, 'unknown state') AS state,
			COALESCE(TO_CHAR(a.xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS'), 'unknown') AS since
		FROM UNNEST(pg_blocking_pids(?)) AS blocking (pid) JOIN pg_stat_activity a ON a.pid = blocking.pid
		ORDER BY a.pid`, pid)
	if err != nil || pid == 0 {
		return ""
	}
	holders := make([]string, len(rows))
	for i, r := range rows {
		holders[i] = fmt.Sprintf("process %d of user %q, application %q: %s, since %s UTC",
			r.Pid, r.Usename, r.ApplicationName, r.State, r.Since)
	}
	return strings.Join(holders, "; ")
}
