package database_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"risingstars/platform/database"
	"risingstars/platform/disk"
	"risingstars/platform/disk/disktest"
)

// SQLite's disk has no byte left, because another program filled it. Whatever needs space fails as full and changes
// nothing, reading goes on, and so does everything with the space of a ballast.
func TestAFullDiskIsAFaultThatPasses(t *testing.T) {
	t.Parallel()
	dir := disktest.Mount(t, 16<<20)
	db, err := database.Open(t.Context(), database.Options{
		Path: filepath.Join(dir, "full.db"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	exec := func(ctx context.Context, sql string, args ...any) error {
		_, err := db.Exec(ctx, sql, args...)
		return err
	}
	count := func() int {
		var row struct{ N int }
		if err := db.Query(t.Context(), &row, `SELECT COUNT(*) AS n FROM texts`); err != nil {
			t.Fatalf("a read: %v", err)
		}
		return row.N
	}
	large := strings.Repeat("x", 64<<10)
	insert := func(ctx context.Context) error { return exec(ctx, `INSERT INTO texts VALUES (?)`, large) }
	if err := exec(t.Context(), `CREATE TABLE texts (content TEXT)`); err != nil {
		t.Fatal(err)
	}
	ballast := disktest.Fill(t, dir, 8<<20)
	disktest.Fill(t, dir, -1)

	inserted := 0
	for err = insert(t.Context()); err == nil; err = insert(t.Context()) { // while the log has space of its own
		inserted++
	}
	if !errors.Is(err, disk.ErrFull) {
		t.Errorf("a statement: %v", err)
	}
	if err := db.InTx(t.Context(), insert); !errors.Is(err, disk.ErrFull) {
		t.Errorf("a transaction: %v", err)
	}
	if n := count(); n != inserted {
		t.Errorf("%d rows, want %d", n, inserted)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(exec(t.Context(), `DELETE FROM texts`), insert(t.Context())); err != nil {
		t.Fatalf("with the space of a ballast: %v", err)
	}
	if n := count(); n != 1 {
		t.Errorf("%d rows", n)
	}
}
