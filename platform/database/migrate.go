package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
)

// Migrations are the SQL files of one owner of tables, in goose's format, at the root of FS. The table
// <Name>_goose_version keeps the applied versions, so owners advance independently. A file whose name ends in
// .postgres.sql or .sqlite.sql is for that database alone: the other one skips its version. Fills run after the files.
type Migrations struct {
	Name  string
	FS    fs.FS
	Fills []Fill

	// Derived names tables in which triggers or the files themselves put rows, and Local those that only one kind of
	// database has, with all whose names begin with one of them and an underscore. See Export and Import.
	Derived, Local []string
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
// TRANSACTION, and then runs the fills. When several processes migrate the same database, one works while the others
// wait for up to five minutes.
//
// On PostgreSQL, no statement waits for a lock for more than two seconds, because everybody who needs the table waits
// behind it: the file is rolled back, and tried again after a pause, for up to five minutes. The files without a
// transaction wait longer, because they build and drop indexes CONCURRENTLY, and nobody reads or writes behind them.
//
// After an error, the files that were applied before it stay applied, and Migrate may be called again.
func (db *DB) Migrate(ctx context.Context, owners ...Migrations) error {
	if err := db.migrateAll(ctx, owners); err != nil {
		return err
	}
	return db.Fill(ctx, owners...)
}

func (db *DB) migrateAll(ctx context.Context, owners []Migrations) error {
	unlock, err := db.lockMigrations(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer unlock()
	for _, owner := range owners {
		err := db.migrate(ctx, owner)
		if err != nil && errors.Is(ctx.Err(), context.Canceled) {
			return fmt.Errorf("migrate %s: stopped halfway; migrate again to continue: %w", owner.Name, ctx.Err())
		}
		if err != nil {
			return fmt.Errorf("migrate %s: %w", owner.Name, withHint(err))
		}
	}
	return nil
}

// lockMigrations is for SQLite. On PostgreSQL, the session that migrates has the lock.
func (db *DB) lockMigrations(ctx context.Context) (unlock func(), err error) {
	if db.dialect == PostgreSQL {
		return func() {}, nil
	}
	return lockFolder(ctx, db.path)
}

func (db *DB) migrate(ctx context.Context, owner Migrations) error {
	provider, err := db.provider(owner, nil)
	if errors.Is(err, goose.ErrNoMigrations) { // all are for the other database
		return nil
	}
	if err != nil {
		return err
	}
	if db.dialect == SQLite {
		_, err := provider.Up(ctx)
		return err
	}
	files, err := provider.Status(ctx)
	if err != nil {
		return err
	}
	for _, file := range files {
		if file.State == goose.StateApplied {
			continue
		}
		timeout, err := lockTimeoutOf(owner, file.Source.Path)
		if err != nil {
			return err
		}
		err = db.untilLocked(ctx, file.Source.Path, timeout, func(ctx context.Context, lock *sessionLock) error {
			provider, err := db.provider(owner, lock)
			if err == nil {
				_, err = provider.UpTo(ctx, file.Source.Version) // this file, unless another process was faster
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

var noTransaction = regexp.MustCompile(`(?m)^-- *\+goose +NO +TRANSACTION`)

func lockTimeoutOf(owner Migrations, file string) (time.Duration, error) {
	content, err := fs.ReadFile(owner.FS, file)
	if err != nil || noTransaction.Match(content) {
		return 0, err
	}
	return lockTimeout, nil
}

// MigrationStatus lists every migration of the owners in the order in which they are applied. It does not wait for a
// migration that is running, so that processes can start meanwhile.
func (db *DB) MigrationStatus(ctx context.Context, owners ...Migrations) ([]MigrationStatus, error) {
	var all []MigrationStatus
	for _, owner := range owners {
		provider, err := db.provider(owner, nil)
		if errors.Is(err, goose.ErrNoMigrations) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if noted, err := db.notesMigrations(ctx, owner); err != nil {
			return nil, err
		} else if !noted { // goose would create the table
			for _, source := range provider.ListSources() {
				all = append(all, MigrationStatus{Owner: owner.Name, File: source.Path})
			}
			continue
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

// notesMigrations reports whether the table of an owner's applied versions exists.
func (db *DB) notesMigrations(ctx context.Context, owner Migrations) (bool, error) {
	query := `SELECT COUNT(*) AS found FROM information_schema.tables
		WHERE table_schema = current_schema() AND table_name = ?`
	if db.dialect == SQLite {
		query = `SELECT COUNT(*) AS found FROM sqlite_master WHERE type = 'table' AND name = ?`
	}
	var row struct{ Found int }
	if err := db.Query(ctx, &row, query, owner.Name+"_goose_version"); err != nil {
		return false, fmt.Errorf("look for the migrations of %s: %w", owner.Name, err)
	}
	return row.Found > 0, nil
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

var downMark = regexp.MustCompile(`(?m)^-- *\+goose +Down\b.*$`)

// Undoing returns the statements that revert the migration in a file, one on a line, as they are in the file.
func Undoing(owner Migrations, file string) (string, error) {
	content, err := fs.ReadFile(owner.FS, file)
	if err != nil {
		return "", fmt.Errorf("read the migration %s of %s: %w", file, owner.Name, err)
	}
	parts := downMark.Split(string(content), 2)
	if len(parts) < 2 {
		return "", nil
	}
	var lines []string
	for line := range strings.Lines(parts[1]) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n"), nil
}

// Revert reverts the migration in file, which Latest named, and so loses the data that only its tables and columns
// hold. If another migration is the latest by now, Revert returns an error and changes nothing.
func (db *DB) Revert(ctx context.Context, owner Migrations, file string) error {
	unlock, err := db.lockMigrations(ctx)
	if err == nil {
		defer unlock()
		err = db.revert(ctx, owner, file)
	}
	if err != nil {
		return fmt.Errorf("revert %s of %s: %w", file, owner.Name, withHint(err))
	}
	return nil
}

func (db *DB) revert(ctx context.Context, owner Migrations, file string) error {
	version, err := goose.NumericComponent(file)
	if err != nil {
		return err
	}
	revert := func(ctx context.Context, lock *sessionLock) error {
		provider, err := db.provider(owner, lock)
		if err != nil {
			return err
		}
		latest, err := provider.GetDBVersion(ctx)
		if err == nil && latest != version {
			err = fmt.Errorf("the latest applied migration is number %d", latest)
		}
		if err == nil {
			_, err = provider.ApplyVersion(ctx, version, false)
		}
		return err
	}
	if db.dialect == SQLite {
		return revert(ctx, nil)
	}
	timeout, err := lockTimeoutOf(owner, file)
	if err != nil {
		return err
	}
	return db.untilLocked(ctx, file, timeout, revert)
}

// withHint adds PostgreSQL's advice, which the text of its errors leaves out.
func withHint(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Hint != "" {
		return fmt.Errorf("%w: %s", err, pg.Hint)
	}
	return err
}

// provider returns goose for the owner's files, under the lock unless it is nil.
func (db *DB) provider(owner Migrations, lock *sessionLock) (*goose.Provider, error) {
	options := []goose.ProviderOption{
		goose.WithTableName(owner.Name + "_goose_version"), goose.WithDisableGlobalRegistry(true),
	}
	if lock != nil {
		options = append(options, goose.WithSessionLocker(lock))
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
