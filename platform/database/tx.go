package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// txAttempts bounds how often InTx runs a transaction that PostgreSQL rolls back in favour of another one.
const txAttempts = 4

// ErrUnknownOutcome means that PostgreSQL was asked to commit a transaction and has not answered: the connection broke
// or the context ended meanwhile. Whoever tries again must expect to find the effect of the first time. SQLite runs in
// this process, so its outcomes are always known.
var ErrUnknownOutcome = errors.New("it is unknown whether the transaction was committed")

type txKey struct{ db *DB }

// anyTxKey marks a context that carries a transaction of any database.
type anyTxKey struct{}

// InTransaction reports whether ctx carries a transaction, which cannot roll back what is written elsewhere meanwhile.
func InTransaction(ctx context.Context) bool { return ctx.Value(anyTxKey{}) != nil }

// InTx runs fn in one transaction, which the context of fn carries: every store that is called with this context joins
// it, and so does a nested InTx. If fn returns an error, InTx rolls everything back and returns that error unchanged.
// After InTx has returned nil, not even a power cut undoes the transaction.
//
// InTx may run fn again: on PostgreSQL, which may roll a transaction back to end a deadlock or a serialization
// conflict, and on SQLite, where callers share a commit, if that fails. So fn must do nothing that cannot be repeated:
// database work only. Nor may it wait for another InTx to return, which may wait for the commit that they share. After
// ErrUnknownOutcome the transaction may have been committed; after any other error nothing has changed.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.inTx(ctx) {
		return fn(ctx)
	}
	if db.dialect == SQLite {
		return db.inShared(ctx, fn)
	}
	for attempt := 1; ; attempt++ {
		err := db.attempt(ctx, fn)
		if err == nil || attempt == txAttempts || !isConflict(err) {
			return explain(ctx, err) // for the beginning and the commit; the statements have explained theirs
		}
		pause := rand.Int64N(int64(attempt) * int64(20*time.Millisecond)) //nolint:gosec // spreads load, guards nothing
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(pause)):
		}
	}
}

// attempt runs a transaction of PostgreSQL once.
func (db *DB) attempt(ctx context.Context, fn func(ctx context.Context) error) error {
	commits := false
	err := db.gorm.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		err := fn(withTx(ctx, db, tx))
		if err == nil {
			err = ctx.Err() // it is not too late to undo it
		}
		commits = err == nil
		return err
	})
	if err != nil && commits && !isUndone(err) {
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return err
}

// isUndone reports whether a commit that failed with err has certainly changed nothing: the server has refused it, or
// was never asked. A server that ends the connection (FATAL) may do so after the commit.
func isUndone(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.SeverityUnlocalized == "ERROR"
	}
	return errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, sql.ErrTxDone) || pgconn.SafeToRetry(err)
}

func withTx(ctx context.Context, db *DB, tx *gorm.DB) context.Context {
	return context.WithValue(context.WithValue(ctx, anyTxKey{}, true), txKey{db}, tx)
}

// Gorm returns the transaction that ctx carries, or the pool. Even a single write through Gorm belongs in InTx: on
// SQLite, InTx is what makes writers wait in order instead of polling for the lock.
func (db *DB) Gorm(ctx context.Context) *gorm.DB {
	if tx, ok := ctx.Value(txKey{db}).(*gorm.DB); ok {
		return tx.WithContext(ctx)
	}
	return db.gorm.WithContext(ctx)
}

// Exec runs one statement with `?` placeholders, in the transaction of ctx or else in one of its own, and returns the
// number of rows that it changed.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (changed int64, err error) {
	exec := func(ctx context.Context) error {
		result := db.Gorm(ctx).Exec(sql, args...)
		changed = result.RowsAffected
		return result.Error
	}
	if db.dialect == SQLite {
		err = db.InTx(ctx, exec)
	} else {
		err = exec(ctx) // PostgreSQL needs one round trip for it
	}
	return changed, err
}

// Query runs one statement with `?` placeholders and scans its rows into dest, a pointer to a struct or to a slice of
// structs. If there are no rows, a struct is left unchanged and a slice becomes empty. A statement that writes (UPDATE
// … RETURNING) belongs in InTx.
func (db *DB) Query(ctx context.Context, dest any, sql string, args ...any) error {
	// Not Scan, which passes the values to the logger within the statement's text.
	return db.Gorm(ctx).Raw(sql, args...).Find(dest).Error
}

func (db *DB) inTx(ctx context.Context) bool {
	_, ok := ctx.Value(txKey{db}).(*gorm.DB)
	return ok
}

// isConflict reports whether PostgreSQL rolled the transaction back in favour of another one: SQLSTATE 40001
// (serialization_failure) or 40P01 (deadlock_detected).
func isConflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
