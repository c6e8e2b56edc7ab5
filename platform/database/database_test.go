package database_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3/lock"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

var owner = database.Migrations{Name: "probe", FS: fstest.MapFS{
	"0001_items.sql": {Data: []byte(`-- +goose Up
CREATE TABLE probe_items (
	id TEXT PRIMARY KEY,
	colour TEXT NOT NULL,
	size BIGINT NOT NULL,
	UNIQUE (colour, size)
);
-- +goose Down
DROP TABLE probe_items;
`)},
}}

type item struct {
	ID     string
	Colour string
	Size   int64
}

var owners = []database.Migrations{owner}

const insertItem = "INSERT INTO probe_items (id, colour, size) VALUES (?, ?, ?)"

func TestUniqueViolationNamesTheConstraint(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		if _, err := db.Exec(t.Context(), insertItem, "a", "red", 1); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			id   string
			size int64
			want string
		}{
			{"a", 2, "probe_items_pkey"},
			{"b", 1, "probe_items_colour_size_key"},
		} {
			_, err := db.Exec(t.Context(), insertItem, test.id, "red", test.size)
			if got := database.UniqueViolation(err); got != test.want {
				t.Errorf("insert %s/%d: violation %q, want %q (error: %v)", test.id, test.size, got, test.want, err)
			}
		}
		if got := database.UniqueViolation(errors.New("other")); got != "" {
			t.Errorf("an unrelated error names the constraint %q", got)
		}
	})
}

func TestInTxRollsBackAndNests(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		boom := errors.New("boom")
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			if _, err := db.Exec(ctx, insertItem, "a", "red", 1); err != nil {
				return err
			}
			return db.InTx(ctx, func(ctx context.Context) error {
				var seen item
				if err := db.Query(ctx, &seen, "SELECT * FROM probe_items"); err != nil || seen.ID != "a" {
					t.Errorf("the nested transaction sees %+v (%v), want the row of the outer one", seen, err)
				}
				return boom
			})
		})
		if !errors.Is(err, boom) {
			t.Fatalf("InTx returned %v, want the error of fn", err)
		}
		var rows []item
		if err := db.Query(t.Context(), &rows, "SELECT * FROM probe_items"); err != nil || len(rows) != 0 {
			t.Fatalf("after the rollback, the rows are %v (%v), want none", rows, err)
		}
	})
}

// SQLite's transactions acquire the write lock when they begin. PostgreSQL's do not: there, a counter changes in one
// statement or under a lock.
func TestConcurrentReadModifyWriteLosesNothingOnSQLite(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owner)
	if _, err := db.Exec(t.Context(), insertItem, "a", "red", 0); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			err := db.InTx(t.Context(), func(ctx context.Context) error {
				var row item
				if err := db.Query(ctx, &row, "SELECT * FROM probe_items WHERE id = ?", "a"); err != nil {
					return err
				}
				_, err := db.Exec(ctx, "UPDATE probe_items SET size = ? WHERE id = ?", row.Size+1, "a")
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var row item
	if err := db.Query(t.Context(), &row, "SELECT * FROM probe_items"); err != nil || row.Size != 100 {
		t.Fatalf("size is %d (%v), want 100", row.Size, err)
	}
}

func TestMigrateIsIdempotentAndStatusShowsIt(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, nil, func(t *testing.T, db *database.DB) {
		for _, want := range []bool{false, true} {
			status, err := db.MigrationStatus(t.Context(), owner)
			if err != nil || len(status) != 1 || status[0].Applied != want {
				t.Fatalf("status %+v (%v), want one migration, applied %v", status, err, want)
			}
			for range 2 {
				if err := db.Migrate(t.Context(), owner); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// A fill runs after the SQL files, again for rows that come later, and continues where it failed.
func TestMigrateFillsWhatSQLCannot(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		broken := errors.New("broken")
		var fails bool
		filled := owner
		filled.Fills = []database.Fill{{
			Name: "sizes",
			Behind: func(ctx context.Context, db *database.DB) (int, error) {
				var row struct{ Behind int }
				err := db.Query(ctx, &row, "SELECT COUNT(*) AS behind FROM probe_items WHERE size < 0")
				return row.Behind, err
			},
			Run: func(ctx context.Context, db *database.DB) error {
				_, err := db.Exec(ctx, "UPDATE probe_items SET size = -size WHERE size = -1 OR size < 0 AND ?", !fails)
				if fails {
					err = broken
				}
				return err
			},
		}}
		behind := func(want int) {
			t.Helper()
			status, err := db.FillStatus(t.Context(), filled)
			if err != nil || len(status) != 1 || status[0] != (database.FillStatus{
				Owner: "probe", Name: "sizes", Behind: want,
			}) {
				t.Errorf("the status is %+v (%v), want %d rows behind", status, err, want)
			}
		}
		add := func(id string, size int) {
			t.Helper()
			if _, err := db.Exec(t.Context(), insertItem, id, "red", size); err != nil {
				t.Fatal(err)
			}
		}
		add("a", -1)
		add("b", -2)
		behind(2)
		fails = true
		if err := db.Migrate(t.Context(), filled); !errors.Is(err, broken) {
			t.Errorf("Migrate returns %v, want the fill's error", err)
		}
		behind(1)
		fails = false
		if err := db.Migrate(t.Context(), filled); err != nil {
			t.Error(err)
		}
		behind(0)
		add("c", -3)
		behind(1)
		if err := db.Fill(t.Context(), filled); err != nil {
			t.Error(err)
		}
		behind(0)
	})
}

// For example, only the hint says which privilege a refused CREATE EXTENSION needs.
func TestAFailedMigrationRepeatsPostgreSQLsHint(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"0001_typo.sql": {Data: []byte("-- +goose Up\nSELECT lenght('a');\n")}}
	err := databasetest.OpenPostgreSQL(t).Migrate(t.Context(), database.Migrations{Name: "typo", FS: files})
	if err == nil || !strings.Contains(err.Error(), "No function matches the given name") {
		t.Errorf("the error is %v", err)
	}
}

// A long migration delays the next one, but not the processes that start meanwhile.
func TestOnlyMigrationsWaitForAMigration(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t)
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := db.Exec(ctx, "SELECT pg_advisory_xact_lock(?)", lock.DefaultLockID); err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if status, err := db.MigrationStatus(waiting, owner); err != nil || len(status) != 1 {
			t.Errorf("status %+v (%v), want one migration", status, err)
		}
		return db.Migrate(waiting, owner)
	})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "wait for another migration") {
		t.Errorf("the error is %v", err)
	}
}

func TestAStoppedMigrationSaysHowToContinue(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, nil, func(t *testing.T, db *database.DB) {
		stopped, stop := context.WithCancel(t.Context())
		stop()
		err := db.Migrate(stopped, owner)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "migrate again") {
			t.Errorf("the error is %v", err)
		}
		if err := db.Migrate(t.Context(), owner); err != nil {
			t.Error(err)
		}
	})
}

func TestAFileForPostgreSQLIsAppliedOnlyThere(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"0002_index.postgres.sql": {Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\n" +
			"CREATE INDEX CONCURRENTLY probe_items_size_idx ON probe_items (size);\n" +
			"-- +goose Down\nDROP INDEX CONCURRENTLY probe_items_size_idx;\n")},
		"0003_weight.sql": {Data: []byte("-- +goose Up\n" +
			"ALTER TABLE probe_items ADD COLUMN weight BIGINT NOT NULL DEFAULT 7;\n" +
			"-- +goose Down\nALTER TABLE probe_items DROP COLUMN weight;\n")},
	}
	maps.Copy(files, owner.FS.(fstest.MapFS))
	later := database.Migrations{Name: owner.Name, FS: files}
	databasetest.Each(t, []database.Migrations{later}, func(t *testing.T, db *database.DB) {
		want := map[database.Dialect][]string{
			database.SQLite:     {"0001_items.sql", "0003_weight.sql"},
			database.PostgreSQL: {"0001_items.sql", "0002_index.postgres.sql", "0003_weight.sql"},
		}[db.Dialect()]
		status, err := db.MigrationStatus(t.Context(), later)
		var applied []string
		for _, m := range status {
			if m.Applied {
				applied = append(applied, m.File)
			}
		}
		if err != nil || !slices.Equal(applied, want) {
			t.Errorf("the applied files are %q (%v), want %q", applied, err, want)
		}
		for _, file := range slices.Backward(want) {
			if err := db.Revert(t.Context(), later, file); err != nil {
				t.Error(err)
			}
		}
		if _, err := db.Latest(t.Context(), later); !errors.Is(err, database.ErrNothingApplied) {
			t.Errorf("after all were reverted: %v", err)
		}
	})
}

// If two operators confirm reverting the same migration, only that one is reverted, and not the one before it as well.
func TestOnlyTheNamedMigrationIsReverted(t *testing.T) {
	t.Parallel()
	const first, second, third = "0001_items.sql", "0002_weight.sql", "0003_height.sql"
	files := fstest.MapFS{}
	for file, column := range map[string]string{second: "weight", third: "height"} {
		files[file] = &fstest.MapFile{Data: []byte(
			"-- +goose Up\nALTER TABLE probe_items ADD COLUMN " + column + " BIGINT;\n" +
				"-- +goose Down\nALTER TABLE probe_items DROP COLUMN " + column + ";\n")}
	}
	maps.Copy(files, owner.FS.(fstest.MapFS))
	later := database.Migrations{Name: owner.Name, FS: files}
	databasetest.Each(t, []database.Migrations{later}, func(t *testing.T, db *database.DB) {
		if err := db.Revert(t.Context(), later, first); err == nil {
			t.Error("a migration that is not the latest was reverted")
		}
		errs := make(chan error, 2)
		for range cap(errs) {
			go func() { errs <- db.Revert(t.Context(), later, third) }()
		}
		if one, two := <-errs, <-errs; (one == nil) == (two == nil) {
			t.Errorf("exactly one of two must revert it: %v, %v", one, two)
		}
		if latest, err := db.Latest(t.Context(), later); err != nil || latest.File != second {
			t.Errorf("the latest migration is %+v (%v), want %s", latest, err, second)
		}
	})
}
