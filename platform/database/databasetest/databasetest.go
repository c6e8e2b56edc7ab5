// Package databasetest gives each test a migrated database of its own, on SQLite, on PostgreSQL, or on both.
package databasetest

import (
	"path/filepath"
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
	options.Path = filepath.Join(t.TempDir(), "test.db")
	db := open(t, options)
	if err := db.Migrate(t.Context(), owners...); err != nil {
		t.Fatal(err)
	}
	return db
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
