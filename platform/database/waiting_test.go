package database_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// migrator is a second pool on a database, as `app migrate` has it, and what it logs.
type migrator struct {
	*database.DB
	log chan string
}

func newMigrator(t *testing.T, db *database.DB) *migrator {
	t.Helper()
	var row struct{ Name string }
	if err := db.Query(t.Context(), &row, "SELECT current_database() AS name"); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(os.Getenv("TEST_POSTGRES_URL"))
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + row.Name
	m := &migrator{log: make(chan string, 100)}
	m.DB, err = database.Open(t.Context(), database.Options{
		URL: address.String(), SlowQuery: time.Hour, Logger: slog.New(slog.NewTextHandler(m, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// Write is for the log handler.
func (m *migrator) Write(line []byte) (int, error) {
	m.log <- string(line)
	return len(line), nil
}

// during runs test while a transaction of another client, which has written into the table, lasts.
func during(t *testing.T, db *database.DB, test func()) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, insertItem, "a", "red", 1)
		if err == nil {
			test()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func laterFile(name, content string) database.Migrations {
	files := fstest.MapFS{name: {Data: []byte(content)}}
	maps.Copy(files, owner.FS.(fstest.MapFS))
	return database.Migrations{Name: owner.Name, FS: files}
}

var addWeight = laterFile("0002_weight.sql", "-- +goose Up\nALTER TABLE probe_items ADD COLUMN weight BIGINT;\n"+
	"-- +goose Down\nALTER TABLE probe_items DROP COLUMN weight;\n")

// An ALTER TABLE waits for a long transaction, and everybody else would wait behind the ALTER TABLE.
func TestReadersDoNotWaitBehindAMigrationForLong(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, owner)
	m := newMigrator(t, db)
	migrated := make(chan error, 1)
	during(t, db, func() {
		go func() { migrated <- m.Migrate(t.Context(), addWeight) }()
		line := <-m.log
		if !strings.Contains(line, "0002_weight.sql") || !strings.Contains(line, "idle in transaction") {
			t.Errorf("the log says %s", line)
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			var items []item
			if err := db.Query(ctx, &items, "SELECT * FROM probe_items"); err != nil {
				t.Errorf("a reader beside the migration: %v", err)
			}
			cancel()
		}
		select {
		case err := <-migrated:
			t.Errorf("the migration did not wait: %v", err)
		default:
		}
	})
	if err := <-migrated; err != nil {
		t.Error(err)
	}
	if err := m.Revert(t.Context(), addWeight, "0002_weight.sql"); err != nil {
		t.Errorf("to revert it: %v", err)
	}
}

func TestAMigrationThatGivesUpNamesWhomItWaitsFor(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, owner)
	m := newMigrator(t, db)
	during(t, db, func() {
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // longer than one try
		defer cancel()
		err := m.Migrate(ctx, addWeight)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the error is %v", err)
		}
		for _, want := range []string{"0002_weight.sql", "idle in transaction", "pg_terminate_backend", "process "} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
	})
	if err := m.Migrate(t.Context(), addWeight); err != nil {
		t.Errorf("after the transaction: %v", err)
	}
}

var addIndex = laterFile("0002_index.postgres.sql", "-- +goose NO TRANSACTION\n-- +goose Up\n"+
	"DROP INDEX CONCURRENTLY IF EXISTS probe_items_size_idx;\n"+
	"CREATE INDEX CONCURRENTLY probe_items_size_idx ON probe_items (size);\n"+
	"-- +goose Down\nDROP INDEX CONCURRENTLY probe_items_size_idx;\n")

// indexes returns whether the index is valid, or nothing if it does not exist.
func indexes(t *testing.T, db *database.DB) (valid []bool) {
	t.Helper()
	var rows []struct{ Valid bool }
	if err := db.Query(t.Context(), &rows, `
		SELECT indisvalid AS valid FROM pg_index
		WHERE indexrelid = to_regclass('probe_items_size_idx')`); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		valid = append(valid, row.Valid)
	}
	return valid
}

// Nobody waits behind the build of an index, and to begin it again would cost more than to wait.
func TestTheBuildOfAnIndexWaitsForLong(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, owner)
	m := newMigrator(t, db)
	migrated := make(chan error, 1)
	during(t, db, func() {
		go func() { migrated <- m.Migrate(t.Context(), addIndex) }()
		<-m.log
		for { // until one statement has waited for longer than that of any other migration may
			var row struct{ Waited int }
			err := m.Query(t.Context(), &row, `
				SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp() - query_start) AS BIGINT) AS waited
				FROM pg_stat_activity
				WHERE datname = current_database() AND state = 'active' AND query LIKE 'CREATE INDEX CONC%'`)
			if err != nil {
				t.Error(err)
				return
			}
			if row.Waited > 3 {
				break
			}
			select {
			case err := <-migrated:
				t.Errorf("the migration ended early: %v", err)
				migrated <- err
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	if err := <-migrated; err != nil {
		t.Error(err)
	}
	if valid := indexes(t, db); len(valid) != 1 || !valid[0] {
		t.Errorf("the index is valid: %v", valid)
	}
}

// What is left of a build that was interrupted is an index that does not count.
func TestTheBuildOfAnIndexIsRepeatedAfterItWasInterrupted(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, owner)
	m := newMigrator(t, db)
	during(t, db, func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		migrated := make(chan error, 1)
		go func() { migrated <- m.Migrate(ctx, addIndex) }()
		<-m.log
		cancel()
		if err := <-migrated; !errors.Is(err, context.Canceled) {
			t.Errorf("the interrupted migration: %v", err)
		}
		if valid := indexes(t, db); len(valid) != 1 || valid[0] {
			t.Errorf("the index is valid: %v, so nothing was interrupted", valid)
		}
	})
	if err := m.Migrate(t.Context(), addIndex); err != nil {
		t.Fatal(err)
	}
	if valid := indexes(t, db); len(valid) != 1 || !valid[0] {
		t.Errorf("the index is valid: %v", valid)
	}
}
