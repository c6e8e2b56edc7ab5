package roster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/database"
)

const (
	// beatTimeout bounds each statement, so that one that hangs does not silence the process for long.
	beatTimeout = 10 * time.Second
	// leaveTimeout is short, because without the row's end the process is just missed later.
	leaveTimeout = 2 * time.Second
)

// Options say what a process is.
type Options struct {
	Role    string
	Version string
	Jobs    int             // that it runs at once; 0 if it processes nothing
	Doing   func() []string // returns the ids of what it works on now; nil: nothing
	Logger  *slog.Logger    // nil: slog.Default()
}

// Member is the row of this process.
type Member struct {
	db     *database.DB
	o      Options
	id     string
	silent bool // the latest beat failed
	close  func()
}

// Join writes the row of this process and keeps it fresh until Close. While it cannot, it logs that and tries again:
// nothing that a process does depends on its row.
func Join(ctx context.Context, db *database.DB, o Options) *Member {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	m := &Member{db: db, o: o, id: uuid.Must(uuid.NewV7()).String()}
	m.tell(ctx, errors.Join(m.forget(ctx), m.beat(ctx)))
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.keep(ctx)
	}()
	m.close = sync.OnceFunc(func() {
		cancel()
		<-done
		m.leave(context.WithoutCancel(ctx))
	})
	return m
}

// Close deletes the row, and logs if it cannot. It is idempotent.
func (m *Member) Close() { m.close() }

func (m *Member) keep(ctx context.Context) {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		m.tell(ctx, m.beat(ctx))
	}
}

// tell logs the first of several failures in a row.
func (m *Member) tell(ctx context.Context, err error) {
	if err != nil && !m.silent && ctx.Err() == nil {
		m.o.Logger.WarnContext(ctx, "other processes are not told that this one is alive", "error", err)
	}
	m.silent = err != nil
}

func (m *Member) beat(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var doing string
	if m.o.Doing != nil {
		doing = strings.Join(m.o.Doing(), " ")
	}
	now := m.db.Clock()
	err = m.exec(ctx, `
		INSERT INTO roster_processes (id, role, host, pid, version, jobs, doing, since, seen_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, `+now+`, `+now+`)
		ON CONFLICT (id) DO UPDATE SET doing = excluded.doing, seen_at = excluded.seen_at`,
		m.id, m.o.Role, host, os.Getpid(), m.o.Version, m.o.Jobs, doing)
	if err != nil {
		return fmt.Errorf("note that this process is alive: %w", err)
	}
	return nil
}

// forget deletes the rows of processes that were killed.
func (m *Member) forget(ctx context.Context) error {
	now := m.db.Clock()
	err := m.exec(ctx, `DELETE FROM roster_processes WHERE `+now+` - seen_at NOT BETWEEN ? AND ?`,
		-forgetAfter.Microseconds(), forgetAfter.Microseconds())
	if err != nil {
		return fmt.Errorf("forget processes that were killed: %w", err)
	}
	return nil
}

func (m *Member) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	if err := m.exec(ctx, `DELETE FROM roster_processes WHERE id = ?`, m.id); err != nil {
		m.o.Logger.WarnContext(ctx, "other processes are not told that this one ends", "error", err)
	}
}

func (m *Member) exec(ctx context.Context, statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	_, err := m.db.Exec(ctx, statement, args...)
	return err
}
