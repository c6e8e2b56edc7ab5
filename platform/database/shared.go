package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// On SQLite, each commit waits for the disk. So callers of InTx and Exec that wait meanwhile share a transaction: they
// run their functions one after another, each in a savepoint and in its own goroutine, and the last one commits for all
// of them. Nobody gets an answer before that commit. An error, a panic or an ended context undoes the function that had
// it, and nothing else. If the shared transaction fails as a whole, each of its functions runs again, in a transaction
// of its own.

const (
	// maxShared bounds how many functions share a commit. Once the first of them has waited for sharedFor, no other one
	// begins.
	maxShared = 64
	sharedFor = 20 * time.Millisecond
)

// shared is an open transaction. Only the caller whose turn it is uses it.
type shared struct {
	tx      *sql.Tx
	cancel  context.CancelFunc
	alone   bool      // nobody joins
	members int       // functions whose work is kept
	since   time.Time // the first of them waits for the commit

	done chan struct{} // closed when the transaction has ended
	err  error         // of its commit, or why there was none
}

func (s *shared) isFull() bool {
	return s.alone || s.members >= maxShared || time.Since(s.since) > sharedFor
}

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
		s.alone = alone
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
