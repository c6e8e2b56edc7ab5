package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"risingstars/platform/fault"
)

// explain returns err as the cause of a fault if it is one that callers can do something about: disk.ErrFull, or
// fault.ErrUnavailable if PostgreSQL cannot be reached or ends connections. Otherwise it returns err.
func explain(ctx context.Context, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if !errors.Is(ctx.Err(), context.Canceled) && isAway(err) {
		return fault.ErrUnavailable.With(err)
	}
	return explainFull(err)
}

// isAway reports whether err means that the server is not there, and not that it refuses a statement.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func isAway(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		ends := []string{
			"53300", // too_many_connections
			"57P01", // admin_shutdown
			"57P02", // crash_shutdown
			"57P03", // cannot_connect_now
		}
		return slices.Contains(ends, pg.Code) || strings.HasPrefix(pg.Code, "08") // connection_exception
	}
	_, broken := errors.AsType[*net.OpError](err)
	return broken || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF)
}

// explainAfter has every kind of statement explain its error.
func explainAfter(db *gorm.DB) error {
	const name = "explain"
	run := func(statement *gorm.DB) {
		statement.Error = explain(statement.Statement.Context, statement.Error)
	}
	all := db.Callback()
	return errors.Join(
		all.Create().After("*").Register(name, run), all.Query().After("*").Register(name, run),
		all.Update().After("*").Register(name, run), all.Delete().After("*").Register(name, run),
		all.Row().After("*").Register(name, run), all.Raw().After("*").Register(name, run),
	)
}
