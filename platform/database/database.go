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
	"strconv"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
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
	URL          string // PostgreSQL, as postgres:// or postgresql://
	Path         string // SQLite file; its folder is made when missing
	MaxOpenConns int    // 0: 8 for SQLite, 16 for PostgreSQL
	// StatementTimeout ends a PostgreSQL statement that takes longer, and a transaction that is idle for as long; 0: never,
	// which is for migrations.
	StatementTimeout time.Duration
	SlowQuery        time.Duration // 0: 500 ms; queries above it are logged, without their values
	Logger           *slog.Logger
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
	db, name, maxConns := &DB{dialect: PostgreSQL}, string(PostgreSQL), 16
	open := openPostgreSQL
	if o.URL == "" {
		open = openSQLite
		db.dialect, db.writer, maxConns = SQLite, make(chan struct{}, 1), 8
		name = string(SQLite) + " " + o.Path // its errors do not say which file; those of PostgreSQL name the server
	}
	dialector, err := open(o)
	if err != nil {
		return nil, err
	}
	if o.MaxOpenConns > 0 {
		maxConns = o.MaxOpenConns
	}

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

// openPostgreSQL sets the limits that keep one bad statement, or a server that went away, from holding up the rest. The
// pool reconnects by itself after a restart of the server.
func openPostgreSQL(o Options) (gorm.Dialector, error) {
	c, err := pgx.ParseConfig(o.URL)
	if err != nil {
		if file, ok := errors.AsType[*fs.PathError](err); ok { // of a certificate
			return nil, fmt.Errorf("open database postgres: %w", file)
		}
		// The cause would quote the URL, and with it the password.
		return nil, errors.New("open database postgres: DATABASE_URL is not an address that PostgreSQL's drivers understand")
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if o.StatementTimeout > 0 {
		timeout := strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)
		c.RuntimeParams["statement_timeout"] = timeout
		c.RuntimeParams["idle_in_transaction_session_timeout"] = timeout
	}
	c.RuntimeParams["application_name"] = "rising-stars-showcase"
	return postgres.New(postgres.Config{Conn: stdlib.OpenDB(*c)}), nil
}

// openSQLite sets what the embedded stage relies on: WAL so that readers never wait for the writer, a busy timeout for
// other processes (`app queue dead` beside `app serve`), and transactions that take the write lock when they begin, as
// a read transaction that turns into a writer cannot wait its turn.
func openSQLite(o Options) (gorm.Dialector, error) {
	path := o.Path
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
