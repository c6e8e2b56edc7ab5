package database_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

func TestOpenNamesTheObstacle(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	content := "not a database, but longer than the header of one: " + strings.Repeat("x", 4096)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	impossible := filepath.Join(t.TempDir(), strings.Repeat("x", 300)) // no file system has such long names
	for name, test := range map[string]struct {
		options database.Options
		want    []string
	}{
		"nothing": {database.Options{}, []string{"no path"}},
		"a file as the folder": {
			database.Options{Path: filepath.Join(file, "app.db")}, []string{"create the database's folder", file},
		},
		"a file that cannot be created": {
			database.Options{Path: impossible}, []string{"create the database's file", impossible},
		},
		"a folder":       {database.Options{Path: t.TempDir()}, []string{"sqlite"}},
		"another format": {database.Options{Path: file}, []string{file, "not a database"}},
		"no server": {
			database.Options{URL: "postgres://nobody:hush-hush@127.0.0.1:1/none"}, []string{"postgres", "127.0.0.1:1"},
		},
		"no certificate": {
			database.Options{URL: "postgres://nobody:hush-hush@h/x?sslmode=verify-full&sslrootcert=/none/rds.pem"},
			[]string{"/none/rds.pem"},
		},
		"a malformed URL": {database.Options{URL: "postgres://nobody:hush-hush@[::1"}, []string{"postgres"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := database.Open(t.Context(), test.options)
			if err == nil {
				t.Fatalf("it opened (%v)", db.Close())
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "hush-hush") {
				t.Errorf("%q shows the password", err)
			}
		})
	}
}

func TestOpenCreatesTheFileAtItsPath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "año 50%", "a?b#c&d.db")
	db, err := database.Open(t.Context(), database.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v), want mode 0600", info, err)
	}
}

func TestPingFailsAfterClose(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, nil, func(t *testing.T, db *database.DB) {
		if err := db.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := db.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if err := db.Ping(t.Context()); err == nil {
			t.Error("a closed database answers a ping")
		}
	})
}

func TestSlowQueriesAreLoggedWithoutValues(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	db, err := database.Open(t.Context(), database.Options{
		Path:      filepath.Join(t.TempDir(), "test.db"),
		SlowQuery: time.Nanosecond,
		Logger:    slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var row struct{ Value string }
	err = db.Query(t.Context(), &row, "SELECT ? AS value", "ana@example.com")
	if err != nil || row.Value != "ana@example.com" {
		t.Fatalf("the row is %+v (%v)", row, err)
	}
	if got := log.String(); !strings.Contains(got, "SELECT ? AS value") || strings.Contains(got, "ana@") {
		t.Errorf("the log is %q", got)
	}
}
