// Package databasetest gives each test a migrated database of its own.
package databasetest

import (
	"path/filepath"
	"testing"

	"risingstars/platform/database"
)

// Open returns an empty database with the owners' migrations applied, closed when the test ends.
func Open(t *testing.T, owners ...database.Migrations) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context(), owners...); err != nil {
		t.Fatal(err)
	}
	return db
}
