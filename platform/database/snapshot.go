package database

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"
)

// Snapshot runs fn in a transaction that only reads, which the context of fn carries: everything that stores read with
// it is as it was at one moment, while others go on writing. It holds a connection, and on PostgreSQL it ends if fn
// reads nothing for as long as the statement timeout. fn runs once.
func (db *DB) Snapshot(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.inTx(ctx) {
		return fn(ctx)
	}
	var failed error
	err := db.gorm.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		failed = fn(withTx(ctx, db, tx))
		return failed
	}, &sql.TxOptions{Isolation: db.snapshot(), ReadOnly: true})
	if failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("read one moment of the database: %w", err)
	}
	return nil
}
