package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// Dialect names the database in use. Stores need it only where the two differ in a way SQL cannot hide.
type Dialect string

// The two databases.
const (
	SQLite     Dialect = "sqlite3"
	PostgreSQL Dialect = "postgres"
)

// Options says which database to open. URL wins over Path.
type Options struct {
	URL          string        // PostgreSQL, as postgres:// or postgresql://
	Path         string        // SQLite file; its folder is made when missing
	MaxOpenConns int           // 0: 8 for SQLite, 16 for PostgreSQL
	SlowQuery    time.Duration // 0: 500 ms; queries above it are logged, without their values
	Logger       *slog.Logger
}

// DB is one open database. It is safe for concurrent use.
type DB struct {
	gorm    *gorm.DB
	sql     *sql.DB
	dialect Dialect
	writer  chan struct{} // SQLite: held by the one writer of this process
}

// Open connects and pings. The caller closes.
func Open(ctx context.Context, o Options) (*DB, error) {
	db, name := &DB{dialect: PostgreSQL}, string(PostgreSQL)
	dialector, maxConns := postgres.Open(o.URL), 16
	if o.URL == "" {
		var err error
		if dialector, err = openSQLite(o.Path); err != nil {
			return nil, err
		}
		db.dialect, db.writer, maxConns = SQLite, make(chan struct{}, 1), 8
		name = string(SQLite) + " " + o.Path // its errors do not say which file; those of PostgreSQL name the server
	}
	if o.MaxOpenConns > 0 {
		maxConns = o.MaxOpenConns
	}

	var err error
	db.gorm, err = gorm.Open(dialector, &gorm.Config{
		Logger:                 newQueryLogger(o.Logger, o.SlowQuery),
		SkipDefaultTransaction: true, // InTx is the only way to begin one
		DisableAutomaticPing:   true,
	})
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	if db.sql, err = db.gorm.DB(); err != nil {
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	db.sql.SetMaxOpenConns(maxConns)
	db.sql.SetMaxIdleConns(maxConns)
	db.sql.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(err, db.sql.Close())
	}
	return db, nil
}

// openSQLite sets what the embedded stage relies on: WAL so that readers never wait for the writer, a busy timeout for
// other processes (`app queue dead` beside `app serve`), and transactions that take the write lock when they begin, as
// a read transaction that turns into a writer cannot wait its turn.
func openSQLite(path string) (gorm.Dialector, error) {
	if path == "" {
		return nil, errors.New("open database sqlite3: no path given")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make the database's folder: %w", err)
	}
	// Made here rather than by SQLite, so that it is closed to others, and a refusal says more than "out of memory (14)".
	switch file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); {
	case err == nil:
		if err := file.Close(); err != nil {
			return nil, fmt.Errorf("make the database's file: %w", err)
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("make the database's file: %w", err)
	}
	query := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}
	return sqlite.Open("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()), nil
}

// Dialect tells which database this is.
func (db *DB) Dialect() Dialect { return db.dialect }

// Ping asks the database for a sign of life. It is the readiness check.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.sql.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the %s database: %w", db.dialect, err)
	}
	return nil
}

// Close waits for queries in flight and closes the pool.
func (db *DB) Close() error {
	if err := db.sql.Close(); err != nil {
		return fmt.Errorf("close the %s database: %w", db.dialect, err)
	}
	return nil
}

// Now is the database's own clock; SQLite has its host's.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	query := "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS us"
	if db.dialect == SQLite {
		query = "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) AS us"
	}
	var row struct{ Us int64 }
	if err := db.Query(ctx, &row, query); err != nil {
		return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return FromMicros(row.Us), nil
}
