package database

import (
	"cmp"
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

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/libtnb/sqlite"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"risingstars/platform/disk"
)

// Dialect names the database in use. Stores need it only where no statement serves both.
type Dialect string

// The two databases.
const (
	SQLite     Dialect = "sqlite3"
	PostgreSQL Dialect = "postgres"
)

// Access is what a DB may do beyond reading.
type Access int

// Create creates SQLite's file and folder if they are missing. Change and Look need an existing one, and return
// ErrNoDatabase otherwise; with Look, nothing can be written.
const (
	Create Access = iota
	Change
	Look
)

// Options says which database to open. Path is ignored when URL is set.
type Options struct {
	URL          string // PostgreSQL, as postgres:// or postgresql://
	Path         string // SQLite file; Open creates it and its folder when they are missing
	MaxOpenConns int    // 0: 8 for SQLite, 16 for PostgreSQL
	Access       Access
	// StatementTimeout ends a PostgreSQL statement that runs for longer, and a transaction that is idle for longer. 0:
	// no limit, which is what migrations need.
	StatementTimeout time.Duration
	SlowQuery        time.Duration // slower queries are logged, without their values; 0: 500 ms
	Logger           *slog.Logger
	Registerer       prometheus.Registerer // receives the metrics of the pool of connections; nil: no metrics
}

// DB is one open database. It is safe for concurrent use.
type DB struct {
	gorm    *gorm.DB
	sql     *sql.DB
	dialect Dialect
	log     *slog.Logger
	path    string // of SQLite's file
	writer  writer // for SQLite
}

// ErrNoDatabase means that there is nothing to look at.
var ErrNoDatabase = errors.New("there is no database yet")

// Open connects to the database and pings it. The caller closes it. Open panics if its metrics are already registered.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	db, name, maxConns := &DB{dialect: PostgreSQL, log: o.Logger, path: o.Path}, string(PostgreSQL), 16
	open := openPostgreSQL
	if o.URL == "" {
		unlock, err := prepareSQLite(ctx, o)
		if err != nil {
			return nil, err
		}
		defer unlock()
		open = openSQLite
		db.dialect, maxConns = SQLite, 8
		name = string(SQLite) + " " + o.Path // SQLite's errors do not name the file; PostgreSQL's name the server
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
		err = fmt.Errorf("open database %s: %w", name, err)
		if db.dialect == SQLite {
			err = cmp.Or(errOfOthers(o.Path), err)
		}
		return nil, err
	}
	if err := explainAfter(db.gorm); err != nil {
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	if db.sql, err = db.gorm.DB(); err != nil {
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	db.sql.SetMaxOpenConns(maxConns)
	db.sql.SetMaxIdleConns(maxConns)
	db.sql.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.Ping(ctx); err != nil {
		if db.dialect == SQLite {
			err = cmp.Or(errOfOthers(o.Path), err)
		}
		return nil, errors.Join(err, db.sql.Close())
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(collectors.NewDBStatsCollector(db.sql, "showcase"))
	}
	return db, nil
}

// openPostgreSQL sets the limits that keep one bad statement, or a server that is gone, from blocking everything else.
// The pool reconnects by itself after the server restarts.
func openPostgreSQL(o Options) (gorm.Dialector, error) {
	c, err := pgx.ParseConfig(o.URL)
	if err != nil {
		if file, ok := errors.AsType[*fs.PathError](err); ok { // a certificate's
			return nil, fmt.Errorf("open database postgres: %w", file)
		}
		// The cause would quote the URL, and with it the password.
		return nil, errors.New("open database postgres: the URL is malformed, or a parameter in it is unknown")
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
	if o.Access == Look {
		c.RuntimeParams["default_transaction_read_only"] = "on"
	}
	return postgres.New(postgres.Config{Conn: stdlib.OpenDB(*c)}), nil
}

// prepareSQLite makes sure that there is a file to open.
func prepareSQLite(ctx context.Context, o Options) (unlock func(), err error) {
	if o.Access == Create {
		return createSQLite(ctx, o)
	}
	if _, err := os.Stat(o.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s does not exist", ErrNoDatabase, o.Path)
	}
	return func() {}, nil // an error is SQLite's to tell
}

// createSQLite creates the file unless it exists. Until unlock is called, no other process does the first steps in it:
// SQLite cannot wait for a lock when it begins to use WAL.
func createSQLite(ctx context.Context, o Options) (unlock func(), err error) {
	path := o.Path
	if path == "" {
		return nil, errors.New("open database sqlite3: no path given")
	}
	if err := disk.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("create the database's folder: %w", err)
	}
	// Not left to SQLite, so that other users cannot read the file and an error says more than "out of memory (14)".
	switch file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); {
	case err == nil:
		if err := file.Close(); err != nil {
			return nil, fmt.Errorf("create the database's file: %w", err)
		}
		if whole, err := filepath.Abs(path); err == nil {
			path = whole
		}
		o.Logger.InfoContext(ctx, "created a new database", "path", path)
	case !errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("create the database's file: %w", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		return func() {}, nil // an error is SQLite's to tell
	}
	return lockFolder(ctx, path)
}

// openSQLite sets what the embedded stage relies on: WAL, so that readers never wait for the writer; a sync of the log
// in each commit, so that a power cut loses nothing (FULL); a busy timeout for other processes (`app queue dead` beside
// `app serve`); and transactions that acquire the write lock when they begin, because a read transaction that becomes a
// writer cannot wait for the lock.
func openSQLite(o Options) (gorm.Dialector, error) {
	query := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}
	if o.Access == Look {
		query = url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}}
		// Without a log, nobody has the database open, and SQLite would create one to read it.
		if _, err := os.Stat(o.Path + "-wal"); errors.Is(err, fs.ErrNotExist) {
			query.Set("immutable", "1")
		}
	}
	return sqlite.Open("file:" + (&url.URL{Path: o.Path}).EscapedPath() + "?" + query.Encode()), nil
}

// Dialect returns which database this is.
func (db *DB) Dialect() Dialect { return db.dialect }

// MaxOpenConns returns how many statements this process can run at the same time.
func (db *DB) MaxOpenConns() int { return db.sql.Stats().MaxOpenConnections }

// Ping checks that the database answers. It serves as the readiness check.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.sql.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the %s database: %w", db.dialect, err)
	}
	return nil
}

// Close waits for running queries and closes the pool. It may be called again.
func (db *DB) Close() error {
	if err := db.sql.Close(); err != nil {
		return fmt.Errorf("close the %s database: %w", db.dialect, err)
	}
	return nil
}

// Clock returns the database's clock as an expression for statements: the time at which the statement began, in
// microseconds (see Micros). Processes whose own clocks differ agree on it. For SQLite, it is the clock of this host,
// in milliseconds.
func (db *DB) Clock() string {
	if db.dialect == SQLite {
		return `CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER) * 1000`
	}
	return `CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)`
}

// Now reads the database's clock.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var row struct{ Us int64 }
	if err := db.Query(ctx, &row, `SELECT `+db.Clock()+` AS us`); err != nil {
		return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return FromMicros(row.Us), nil
}
