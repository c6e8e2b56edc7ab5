package database

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// txAttempts bounds how often InTx runs a transaction that PostgreSQL rolled back for the sake of another one.
const txAttempts = 4

type txKey struct{ db *DB }

// anyTxKey marks a context that carries a transaction of any database.
type anyTxKey struct{}

// InTransaction reports whether ctx carries a transaction. What it writes elsewhere cannot be rolled back with it.
func InTransaction(ctx context.Context) bool { return ctx.Value(anyTxKey{}) != nil }

// InTx runs fn in one transaction, which travels in fn's context: every store that is called with it joins. A nested
// InTx joins the outer one. When fn returns an error everything is rolled back and that error returned unchanged.
//
// PostgreSQL may sacrifice a transaction to a deadlock or a serialization conflict; InTx then runs fn again, so fn must
// do nothing that cannot be repeated: database work only.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.inTx(ctx) {
		return fn(ctx)
	}
	release, err := db.lockWriter(ctx)
	if err != nil {
		return err
	}
	defer release()
	for attempt := 1; ; attempt++ {
		err := db.gorm.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			return fn(context.WithValue(context.WithValue(ctx, anyTxKey{}, true), txKey{db}, tx))
		})
		if err == nil || attempt == txAttempts || !isSacrificed(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(rand.Int64N(int64(attempt) * int64(20*time.Millisecond)))): //nolint:gosec // spreads load, guards nothing
		}
	}
}

// Gorm returns the transaction in ctx, or the pool. Writes outside of a transaction belong in InTx all the same: on
// SQLite it is what makes writers queue in order instead of polling for the lock.
func (db *DB) Gorm(ctx context.Context) *gorm.DB {
	if tx, ok := ctx.Value(txKey{db}).(*gorm.DB); ok {
		return tx.WithContext(ctx)
	}
	return db.gorm.WithContext(ctx)
}

// Exec runs one statement with `?` placeholders and returns the number of rows it changed.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if !db.inTx(ctx) {
		release, err := db.lockWriter(ctx)
		if err != nil {
			return 0, err
		}
		defer release()
	}
	result := db.Gorm(ctx).Exec(sql, args...)
	return result.RowsAffected, result.Error
}

// Query runs one statement with `?` placeholders and scans its rows into dest, a pointer to a struct or to a slice of
// structs. No row leaves dest as it was. A statement that writes (UPDATE … RETURNING) belongs in InTx.
func (db *DB) Query(ctx context.Context, dest any, sql string, args ...any) error {
	// Not Scan, which hands the logger a text with the values in it.
	return db.Gorm(ctx).Raw(sql, args...).Find(dest).Error
}

func (db *DB) inTx(ctx context.Context) bool {
	_, ok := ctx.Value(txKey{db}).(*gorm.DB)
	return ok
}

// lockWriter takes SQLite's single place to write, first come first served. Other processes are kept apart by SQLite's
// own lock and the busy timeout.
func (db *DB) lockWriter(ctx context.Context) (release func(), err error) {
	if db.writer == nil {
		return func() {}, nil
	}
	select {
	case db.writer <- struct{}{}:
		return func() { <-db.writer }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the database's writer: %w", ctx.Err())
	}
}

// isSacrificed recognises SQLSTATE 40001 serialization_failure and 40P01 deadlock_detected.
func isSacrificed(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
