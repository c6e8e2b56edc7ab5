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

// Migrations are the SQL files of one owner, in goose's format, at the root of FS. The applied versions are kept in the
// table <Name>_goose_version, so owners advance independently. A file whose name ends in .postgres.sql is for PostgreSQL
// alone: SQLite goes on without its version.
type Migrations struct {
	Name string
	FS   fs.FS
}

// NewMigrations takes the folder migrations of an owner's embedded files.
func NewMigrations(name string, files fs.FS) Migrations {
	folder, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // not a valid path, which "migrations" is
	}
	return Migrations{Name: name, FS: folder}
}

// MigrationStatus is one migration file and whether it has been applied.
type MigrationStatus struct {
	Owner   string
	File    string
	Applied bool
	At      time.Time // when it was applied
}

// ErrNothingApplied says that there is no migration to revert.
var ErrNothingApplied = errors.New("no migration is applied")

// Migrate applies everything that is pending, owner by owner, each file in a transaction of its own. Of several that run
// at once on PostgreSQL, one works and the others wait, by an advisory lock.
func (db *DB) Migrate(ctx context.Context, owners ...Migrations) error {
	for _, owner := range owners {
		provider, err := db.provider(owner, locked)
		if err != nil {
			return err
		}
		_, err = provider.Up(ctx)
		if err != nil && errors.Is(ctx.Err(), context.Canceled) {
			return fmt.Errorf("migrate %s: stopped in the middle; migrate again to go on: %w", owner.Name, ctx.Err())
		}
		if err != nil {
			return fmt.Errorf("migrate %s: %w", owner.Name, withHint(err))
		}
	}
	return nil
}

// MigrationStatus lists every migration of the owners in the order in which they apply. It waits for no migration that runs
// at this moment: processes start meanwhile.
func (db *DB) MigrationStatus(ctx context.Context, owners ...Migrations) ([]MigrationStatus, error) {
	var all []MigrationStatus
	for _, owner := range owners {
		provider, err := db.provider(owner, unlocked)
		if err != nil {
			return nil, err
		}
		files, err := provider.Status(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the migrations of %s: %w", owner.Name, err)
		}
		for _, file := range files {
			all = append(all, MigrationStatus{
				Owner: owner.Name, File: file.Source.Path, Applied: file.State == goose.StateApplied, At: file.AppliedAt,
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

// Revert takes back the file, which Latest named, with the data that only it holds. Somebody else may have taken it back, or
// applied another one, since then: that is an error, and changes nothing.
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
		err = fmt.Errorf("the latest migration that is applied is number %d", latest)
	}
	if err == nil {
		_, err = provider.ApplyVersion(ctx, version, false)
	}
	if err != nil {
		return fmt.Errorf("revert %s of %s: %w", file, owner.Name, withHint(err))
	}
	return nil
}

// withHint adds what PostgreSQL advises to do, which is not in the text of its errors.
func withHint(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Hint != "" {
		return fmt.Errorf("%w: %s", err, pg.Hint)
	}
	return err
}

// Whether a provider keeps others of the same database from working at the same time.
const locked, unlocked = true, false

func (db *DB) provider(owner Migrations, locking bool) (*goose.Provider, error) {
	options := []goose.ProviderOption{
		goose.WithTableName(owner.Name + "_goose_version"), goose.WithDisableGlobalRegistry(true),
	}
	if db.dialect == PostgreSQL && locking {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("prepare the lock of migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(saysWhy{locker}))
	}
	if db.dialect != PostgreSQL {
		elsewhere, err := fs.Glob(owner.FS, "*.postgres.sql")
		if err != nil {
			return nil, fmt.Errorf("list the migrations of %s: %w", owner.Name, err)
		}
		options = append(options, goose.WithExcludeNames(elsewhere))
	}
	provider, err := goose.NewProvider(goose.Dialect(db.dialect), db.sql, owner.FS, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations of %s: %w", owner.Name, err)
	}
	return provider, nil
}

// saysWhy tells an operator what a lock that was not had after five minutes means. PostgreSQL does not notice by itself that
// a client was killed, and goes on with its statement.
type saysWhy struct{ lock.SessionLocker }

func (l saysWhy) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if err := l.SessionLocker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("wait for another migration, or for PostgreSQL to end the statement of one that was killed "+
			"(pg_stat_activity shows it; it may be left to end, or ended by pg_terminate_backend): %w", err)
	}
	return nil
}
