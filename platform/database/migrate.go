package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations are the SQL files of one owner of tables, in goose's format, at the root of FS. The table
// <Name>_goose_version keeps the applied versions, so owners advance independently. A file whose name ends in
// .postgres.sql or .sqlite.sql is for that database alone: the other one skips its version. Fills run after the files.
type Migrations struct {
	Name  string
	FS    fs.FS
	Fills []Fill
}

// NewMigrations returns the migrations of an owner whose embedded files have them in the folder "migrations".
func NewMigrations(name string, files fs.FS, fills ...Fill) Migrations {
	folder, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // impossible: the path is a valid constant
	}
	return Migrations{Name: name, FS: folder, Fills: fills}
}

// MigrationStatus is one migration file and whether it has been applied.
type MigrationStatus struct {
	Owner   string
	File    string
	Applied bool
	At      time.Time // when it was applied
}

// ErrNothingApplied is returned when there is no migration to revert.
var ErrNothingApplied = errors.New("no migration is applied")

// Migrate applies all pending migrations, owner by owner, each file in a transaction of its own unless it says NO
// TRANSACTION, and runs the fills. When several processes migrate the same PostgreSQL database, an advisory lock lets
// one work while the others wait for up to five minutes. After an error, the files that were applied before it stay
// applied, and Migrate may be called again.
func (db *DB) Migrate(ctx context.Context, owners ...Migrations) error {
	for _, owner := range owners {
		provider, err := db.provider(owner, locked)
		if errors.Is(err, goose.ErrNoMigrations) { // all are for the other database
			continue
		}
		if err != nil {
			return err
		}
		_, err = provider.Up(ctx)
		if err != nil && errors.Is(ctx.Err(), context.Canceled) {
			return fmt.Errorf("migrate %s: stopped halfway; migrate again to continue: %w", owner.Name, ctx.Err())
		}
		if err != nil {
			return fmt.Errorf("migrate %s: %w", owner.Name, withHint(err))
		}
		if err := db.Fill(ctx, owner); err != nil {
			return err
		}
	}
	return nil
}

// MigrationStatus lists every migration of the owners in the order in which they are applied. It does not wait for a
// migration that is running, so that processes can start meanwhile.
func (db *DB) MigrationStatus(ctx context.Context, owners ...Migrations) ([]MigrationStatus, error) {
	var all []MigrationStatus
	for _, owner := range owners {
		provider, err := db.provider(owner, unlocked)
		if errors.Is(err, goose.ErrNoMigrations) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files, err := provider.Status(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the migrations of %s: %w", owner.Name, err)
		}
		for _, file := range files {
			all = append(all, MigrationStatus{
				Owner: owner.Name, File: file.Source.Path,
				Applied: file.State == goose.StateApplied, At: file.AppliedAt,
			})
		}
	}
	return all, nil
}

// Latest returns the migration that was applied last, or ErrNothingApplied.
func (db *DB) Latest(ctx context.Context, owners ...Migrations) (MigrationStatus, error) {
	all, err := db.MigrationStatus(ctx, owners...)
	if err != nil {
		return MigrationStatus{}, err
	}
	var latest MigrationStatus
	for _, m := range all {
		if m.Applied && !m.At.Before(latest.At) {
			latest = m
		}
	}
	if !latest.Applied {
		return MigrationStatus{}, ErrNothingApplied
	}
	return latest, nil
}

// Revert reverts the migration in file, which Latest named, and so loses the data that only its tables and columns
// hold. If another migration is the latest by now, Revert returns an error and changes nothing.
func (db *DB) Revert(ctx context.Context, owner Migrations, file string) error {
	provider, err := db.provider(owner, locked)
	if err != nil {
		return err
	}
	version, err := goose.NumericComponent(file)
	if err != nil {
		return fmt.Errorf("revert %s of %s: %w", file, owner.Name, err)
	}
	latest, err := provider.GetDBVersion(ctx)
	if err == nil && latest != version {
		err = fmt.Errorf("the latest applied migration is number %d", latest)
	}
	if err == nil {
		_, err = provider.ApplyVersion(ctx, version, false)
	}
	if err != nil {
		return fmt.Errorf("revert %s of %s: %w", file, owner.Name, withHint(err))
	}
	return nil
}

// withHint adds PostgreSQL's advice, which the text of its errors leaves out.
func withHint(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Hint != "" {
		return fmt.Errorf("%w: %s", err, pg.Hint)
	}
	return err
}

// lockTimeoutSeconds is how long Migrate and Revert wait for another migration.
const lockTimeoutSeconds = 300

// A locked provider keeps other processes from migrating the same database at the same time.
const locked, unlocked = true, false

func (db *DB) provider(owner Migrations, locking bool) (*goose.Provider, error) {
	options := []goose.ProviderOption{
		goose.WithTableName(owner.Name + "_goose_version"), goose.WithDisableGlobalRegistry(true),
	}
	if db.dialect == PostgreSQL && locking {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, lockTimeoutSeconds)) // asks every second
		if err != nil {
			return nil, fmt.Errorf("prepare the migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(explainingLocker{locker}))
	}
	foreign := "*.sqlite.sql"
	if db.dialect == SQLite {
		foreign = "*.postgres.sql"
	}
	excluded, err := fs.Glob(owner.FS, foreign)
	if err != nil {
		return nil, fmt.Errorf("list the migrations of %s: %w", owner.Name, err)
	}
	options = append(options, goose.WithExcludeNames(excluded))
	provider, err := goose.NewProvider(goose.Dialect(db.dialect), db.sql, owner.FS, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations of %s: %w", owner.Name, err)
	}
	return provider, nil
}

// explainingLocker explains why the lock could not be acquired within five minutes: another migration holds it. That
// may be one whose process was killed, because PostgreSQL does not notice that its client is gone and continues its
// statement.
type explainingLocker struct{ lock.SessionLocker }

func (l explainingLocker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if err := l.SessionLocker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("wait for another migration: it is running, or was killed and PostgreSQL still executes its "+
			"statement (find it in pg_stat_activity; let it end, or end it with pg_terminate_backend): %w", err)
	}
	return nil
}
