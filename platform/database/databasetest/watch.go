package databasetest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"risingstars/platform/database"
)

// OpenWatched returns an empty database with the owners' migrations applied. It calls watch after each statement but
// those of migrations, with the text, in the goroutine and in the transaction of the statement.
func OpenWatched(
	t testing.TB, dialect database.Dialect, watch func(statement string), owners ...database.Migrations,
) *database.DB {
	t.Helper()
	if dialect == database.PostgreSQL {
		return openPostgreSQL(t, watched(watch), owners)
	}
	return openSQLite(t, watched(watch), owners)
}

// watched makes every query count as slow, because slow ones are logged with their text.
func watched(watch func(statement string)) database.Options {
	return database.Options{SlowQuery: time.Nanosecond, Logger: slog.New(watcher(watch))}
}

// watcher is a log handler for the texts of the logged statements.
type watcher func(statement string)

var _ slog.Handler = watcher(nil)

// Enabled returns true.
func (w watcher) Enabled(context.Context, slog.Level) bool { return true }

// Handle passes the statement of a record on.
func (w watcher) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "sql" {
			w(a.Value.String())
		}
		return true
	})
	return nil
}

// WithAttrs changes nothing.
func (w watcher) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup changes nothing.
func (w watcher) WithGroup(string) slog.Handler { return w }
