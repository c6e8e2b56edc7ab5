package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3/lock"

	"risingstars/platform/scratch"
)

// migrationWait is how long a migration waits for another one, and in all for the locks of other transactions.
const migrationWait = 5 * time.Minute

// lockFolder locks the folder of an SQLite database, in which processes that start at the same time would otherwise
// both create the database or both migrate it.
func lockFolder(ctx context.Context, path string) (unlock func(), err error) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("open the database's folder: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, migrationWait)
	defer cancel()
	if err := scratch.Lock(waiting, folder); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for another process, which creates or migrates the database in %s: %w",
			folder.Name(), err), folder.Close())
	}
	return func() { _ = folder.Close() }, nil
}

// sessionLock keeps other processes from migrating the same PostgreSQL database at the same time, and bounds how long
// each statement of the session waits for a lock. It is used once.
type sessionLock struct {
	lock.SessionLocker
	timeout time.Duration // 0: statements wait without limit
	pid     atomic.Int32  // of the session's server process, once it has the lock
}

func newSessionLock(timeout time.Duration) (*sessionLock, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, uint64(migrationWait.Seconds())))
	if err != nil {
		return nil, fmt.Errorf("prepare the migration lock: %w", err)
	}
	return &sessionLock{SessionLocker: locker, timeout: timeout}, nil
}

// SessionLock explains why it did not get the lock: another migration has it. That may be one whose process was killed,
// because PostgreSQL does not notice that its client is gone and continues its statement.
func (l *sessionLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if err := l.SessionLocker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("wait for another migration: it is running, or was killed and PostgreSQL still executes its "+
			"statement (find it in pg_stat_activity; let it end, or end it with pg_terminate_backend): %w", err)
	}
	var pid int32
	err := conn.QueryRowContext(ctx, `SELECT pg_backend_pid() FROM set_config('lock_timeout', $1, FALSE)`,
		fmt.Sprint(l.timeout.Milliseconds())).Scan(&pid)
	if err != nil {
		return errors.Join(fmt.Errorf("set the lock timeout: %w", err),
			l.SessionUnlock(context.WithoutCancel(ctx), conn))
	}
	l.pid.Store(pid)
	return nil
}

// SessionUnlock also gives the session its own timeout back.
func (l *sessionLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	l.pid.Store(0)
	_, err := conn.ExecContext(ctx, `RESET lock_timeout`)
	return errors.Join(err, l.SessionLocker.SessionUnlock(ctx, conn))
}
