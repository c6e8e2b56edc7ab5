package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"
)

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
		rows, err = m.shared.tx.QueryContext(ctx, query, args...) //nolint:rowserrcheck,sqlclosecheck // gorm does both
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
