package database

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	gosqlite "modernc.org/sqlite"

	"risingstars/platform/disk"
)

// https://www.sqlite.org/rescode.html
const (
	sqliteNoMemory     = 7
	sqliteInterrupt    = 9
	sqliteIOErr        = 10
	sqliteCorrupt      = 11
	sqliteFull         = 13
	sqliteIOErrSHMSize = sqliteIOErr | (19 << 8) // the index of the log cannot grow
)

const postgresDiskFull = "53100" // SQLSTATE disk_full

// explainFull returns disk.ErrFull, with err as its cause, if err means that the database's disk is full, and otherwise
// err.
func explainFull(err error) error {
	var pg *pgconn.PgError
	var lite *gosqlite.Error
	full := errors.As(err, &pg) && pg.Code == postgresDiskFull ||
		errors.As(err, &lite) && (lite.Code()&0xff == sqliteFull || lite.Code() == sqliteIOErrSHMSize)
	if full && !errors.Is(err, disk.ErrFull) {
		return disk.ErrFull.With(err)
	}
	return err
}

// endsTransaction reports whether SQLite may have rolled back the transaction of a statement that failed with err.
// https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
func endsTransaction(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) { // it may have been interrupted
		return true
	}
	lite, ok := errors.AsType[*gosqlite.Error](err)
	return ok && slices.Contains([]int{sqliteNoMemory, sqliteInterrupt, sqliteIOErr, sqliteCorrupt, sqliteFull},
		lite.Code()&0xff)
}
