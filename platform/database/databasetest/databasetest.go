// Package databasetest gives each test a migrated database of its own, on SQLite, on PostgreSQL, or on both.
package databasetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"risingstars/platform/database"
)

// Open returns an empty SQLite database with the owners' migrations applied. It is closed when the test ends.
func Open(t testing.TB, owners ...database.Migrations) *database.DB {
	t.Helper()
	return openSQLite(t, database.Options{}, owners)
}

// Each runs the test on SQLite and on PostgreSQL, in parallel subtests. Without a PostgreSQL server the test fails;
// -short skips that half.
func Each(t *testing.T, owners []database.Migrations, test func(t *testing.T, db *database.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, Open(t, owners...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, OpenPostgreSQL(t, owners...))
	})
}

func openSQLite(t testing.TB, options database.Options, owners []database.Migrations) *database.DB {
	t.Helper()
	empty, err := migrated(t.Context(), owners)
	if err != nil {
		t.Fatal(err)
	}
	options.Path = filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(options.Path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, options)
}

// files are databases with migrations applied, by the digest of these: a copy takes a tenth of the time of migrating.
var files = struct {
	sync.Mutex
	known map[string][]byte
}{known: map[string][]byte{}}

// migrated returns the file of an empty database with the owners' migrations applied.
func migrated(ctx context.Context, owners []database.Migrations) (content []byte, err error) {
	name, err := templateName(owners)
	if err != nil {
		return nil, err
	}
	files.Lock()
	defer files.Unlock()
	if known, ok := files.known[name]; ok {
		return known, nil
	}
	folder, err := os.MkdirTemp("", "migrated-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "empty.db")
	db, err := database.Open(ctx, database.Options{Path: path})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(db.Migrate(ctx, owners...), db.Close()); err != nil {
		return nil, fmt.Errorf("migrate a database to copy: %w", err)
	}
	if content, err = os.ReadFile(path); err == nil {
		files.known[name] = content
	}
	return content, err
}

func open(t testing.TB, options database.Options) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
