package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
)

// On SQLite, each commit waits for the disk. So callers of InTx and Exec that wait meanwhile share a transaction: they
// run their functions one after another, each in a savepoint and in its own goroutine, and the last one commits for all
// of them. Nobody gets an answer before that commit. An error, a panic or an ended context undoes the function that had
// it, and nothing else. If the shared transaction fails as a whole, each of its functions runs again in a transaction of
// its own.

const (
	// maxShared bounds how many functions share a commit. Once the first of them has waited for sharedFor, no other one
	// begins.
	maxShared = 64
	sharedFor = 20 * time.Millisecond
)

// writer lets one caller at a time write to SQLite, first come, first served. SQLite's own lock, with the busy timeout,
// keeps other processes apart.
type writer struct {
	mu      sync.Mutex
	busy    bool
	waiting []*waiter // the next one first
}

type waiter struct {
	turn  chan *shared // nil: the caller begins a transaction
	alone bool
}

// enter waits for the caller's turn. It returns the transaction that the caller joins, or nil, and never one for a
// caller that is alone. The caller ends its turn with pass.
func (w *writer) enter(ctx context.Context, alone bool) (*shared, error) {
	w.mu.Lock()
	if !w.busy {
		w.busy = true
		w.mu.Unlock()
		return nil, nil
	}
	me := &waiter{turn: make(chan *shared, 1), alone: alone}
	w.waiting = append(w.waiting, me)
	w.mu.Unlock()
	select {
	case s := <-me.turn:
		return s, nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.waiting, me); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
		return nil, fmt.Errorf("wait for the database's writer: %w", ctx.Err())
	}
	return <-me.turn, nil // the turn came at the same moment
}

// pass gives the next caller its turn, in the transaction s unless that is nil. It reports false, and does nothing, if
// s must be committed first.
func (w *writer) pass(s *shared) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s != nil && (len(w.waiting) == 0 || w.waiting[0].alone || s.isFull()) {
		return false
	}
	if len(w.waiting) == 0 {
		w.busy = false
		return true
	}
	next := w.waiting[0]
	w.waiting = w.waiting[1:]
	next.turn <- s
	return true
}

// shared is an open transaction. Only the caller whose turn it is uses it.
type shared struct {
	tx      *sql.Tx
	cancel  context.CancelFunc
	members int       // functions whose work is kept
	since   time.Time // the first of them waits for the commit

	done chan struct{} // closed when the transaction has ended
	err  error         // of its commit, or why there was none
}

func (s *shared) isFull() bool { return s.members >= maxShared || time.Since(s.since) > sharedFor }

// begin waits for other processes as long as the busy timeout and ctx allow. After that, ctx has no influence on the
// transaction.
func (db *DB) begin(ctx context.Context) (*shared, error) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, cancel)
	tx, err := db.sql.BeginTx(own, nil)
	if !unhook() && ctx.Err() != nil {
		if err == nil {
			_ = tx.Rollback() // it may have been by the end of ctx
		}
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("begin a transaction: %w", explainFull(err))
	}
	return &shared{tx: tx, cancel: cancel, done: make(chan struct{})}, nil
}

func (s *shared) end(err error) {
	if err != nil {
		_ = s.tx.Rollback() // fails if the failed commit has rolled back
	}
	s.cancel()
	s.err = err
	close(s.done)
}

// errUndone is the end of a transaction whose first function failed.
var errUndone = errors.New("undone")

// inShared runs fn in a shared transaction or, if that fails as a whole, alone.
func (db *DB) inShared(ctx context.Context, fn func(ctx context.Context) error) error {
	again, err := db.share(ctx, ctx.Value(aloneKey{}) != nil, fn)
	if again {
		_, err = db.share(ctx, true, fn)
	}
	return err
}

// share runs fn once. If again is true, fn has had no effect, perhaps not by its own fault, and may be run alone.
func (db *DB) share(ctx context.Context, alone bool, fn func(ctx context.Context) error) (again bool, err error) {
	s, err := db.writer.enter(ctx, alone)
	if err != nil {
		return false, err
	}
	if s == nil {
		if s, err = db.begin(ctx); err != nil {
			db.writer.pass(nil)
			return false, err
		}
	}
	m := &member{shared: s, first: s.members == 0}
	if err := m.enter(); err != nil {
		s.end(err)
		db.writer.pass(nil)
		return true, err
	}
	returned := false
	defer func() {
		if !returned { // it panicked
			m.leave(&db.writer, false)
		}
	}()
	err = m.run(ctx, db, fn)
	if err == nil {
		err = ctx.Err() // it is not too late to undo it
	}
	returned = true
	m.leave(&db.writer, err == nil)
	if err != nil {
		return false, err
	}
	<-s.done
	return s.err != nil && !alone, explainFull(s.err)
}

type aloneKey struct{}

// alone returns a context whose transactions share no commit, because each lasts long.
func alone(ctx context.Context) context.Context { return context.WithValue(ctx, aloneKey{}, true) }

const (
	setSavepoint  = "SAVEPOINT member"
	keepSavepoint = "RELEASE member"
	undoSavepoint = "ROLLBACK TO member"
)

// member is one function's part of a shared transaction. gorm sends the function's statements through it.
type member struct {
	shared *shared
	first  bool // then the savepoint is the transaction itself

	mu   sync.RWMutex // read-locked by each statement
	over error        // set once no more statements may follow
}

var _ gorm.ConnPool = (*member)(nil)

func (m *member) enter() error {
	if m.first {
		return nil
	}
	return m.control(setSavepoint)
}

// run returns an error if the function's work must be undone.
func (m *member) run(ctx context.Context, db *DB, fn func(ctx context.Context) error) error {
	tx := db.gorm.Session(&gorm.Session{NewDB: true, Context: ctx})
	tx.Statement.ConnPool = m
	if err := fn(withTx(ctx, db, tx)); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.over
}

// leave keeps or undoes the function's work and ends the caller's turn.
func (m *member) leave(w *writer, keep bool) {
	m.mu.Lock() // waits for statements of goroutines that the function left behind
	m.over = sql.ErrTxDone
	m.mu.Unlock()

	s := m.shared
	var failed error // of the whole transaction
	switch {
	case m.first && !keep:
		failed = errUndone
	case !m.first && keep:
		failed = m.control(keepSavepoint)
	case !m.first && !keep:
		failed = errors.Join(m.control(undoSavepoint), m.control(keepSavepoint))
	}
	if failed != nil {
		s.end(failed)
		w.pass(nil)
		return
	}
	if m.first {
		s.since = time.Now()
	}
	if keep {
		s.members++
	}
	if !w.pass(s) {
		s.end(s.tx.Commit())
		w.pass(nil)
	}
}

// control sends a statement about the savepoint, which no context ends.
func (m *member) control(statement string) error {
	_, err := m.shared.tx.ExecContext(context.Background(), statement)
	return err
}

// statement runs one statement of the function. SQLite rolls the whole transaction back if it interrupts a statement
// that writes, or if the disk fails. What followed would be outside of any transaction, so nothing may follow.
func (m *member) statement(ctx context.Context, run func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := m.unlessOver(run)
	if endsTransaction(err) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.over == nil {
			m.over = fmt.Errorf("an earlier statement ended the transaction: %w", err)
		}
	}
	return err
}

func (m *member) unlessOver(run func() error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.over != nil {
		return m.over
	}
	return run()
}

// ExecContext is for gorm.
func (m *member) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = m.statement(ctx, func() (err error) {
		result, err = m.shared.tx.ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

// QueryContext is for gorm.
func (m *member) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = m.statement(ctx, func() (err error) {
		rows, err = m.shared.tx.QueryContext(ctx, query, args...) //nolint:sqlclosecheck // gorm closes them
		return err
	})
	return rows, err
}

// QueryRowContext is for gorm.
func (m *member) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	err := m.statement(ctx, func() error {
		row = m.shared.tx.QueryRowContext(ctx, query, args...)
		return row.Err()
	})
	if row == nil { // only a query makes one that has an error
		ended, cancel := context.WithCancelCause(ctx)
		cancel(err)
		row = m.shared.tx.QueryRowContext(ended, query)
	}
	return row
}

// PrepareContext is for gorm, which prepares nothing unless it is told to.
func (m *member) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, errors.ErrUnsupported
}
