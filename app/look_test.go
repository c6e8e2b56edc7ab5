package app

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/box"
)

// tree lists all files below the current folder with their sizes and times.
func tree(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && path != "." {
			found[path] = info.ModTime().String()
			if !info.IsDir() {
				content, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				found[path] += string(content)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestMain(m *testing.M) {
	box.Main()
	os.Exit(m.Run())
}

// Commands that look leave everything as it was: where there is nothing, where a database is older than the binary, and
// where all is well.
func TestCommandsThatLookChangeNothing(t *testing.T) {
	t.Setenv("DATA_DIR", "data")
	t.Setenv("ENV_FILE", "")
	for _, state := range []string{"empty", "old", "current"} {
		folder := t.TempDir()
		t.Chdir(folder)
		if state != "empty" {
			prepare(t, state == "old")
		}
		for _, command := range []string{
			"doctor", "queue dead", "migrate status", "config", "status", "branding", "storage check",
			"rebrand --dry-run",
		} {
			t.Run(state+", "+command, func(t *testing.T) {
				t.Chdir(t.TempDir())
				if err := os.CopyFS(".", os.DirFS(folder)); err != nil {
					t.Fatal(err)
				}
				if state != "empty" {
					leaveBehind(t)
				}
				before := tree(t)
				var out, errs bytes.Buffer
				code := execute(t.Context(), strings.Fields(command), &out, &errs)
				if diff := cmp.Diff(before, tree(t)); diff != "" {
					t.Errorf("(- before, + after)\n%s", diff)
				}
				// Where there is no database, only these have something to say.
				if fails := code != 0; command != "doctor" && state == "current" && fails ||
					state == "empty" && fails == slices.Contains([]string{"config", "doctor", "branding"}, command) {
					t.Errorf("exit code %d, %s%s", code, &out, &errs)
				}
				if state == "old" && command == "migrate status" && !strings.Contains(out.String(), "pending") {
					t.Errorf("nothing is pending:\n%s", &out)
				}
			})
		}
	}
}

// prepare creates a database in data, without its latest migration if it is to be old.
func prepare(t *testing.T, old bool) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(t.Context(), []string{"migrate", "up"}, &out, &errs); code != 0 {
		t.Fatalf("%s", &errs)
	}
	if !strings.Contains(errs.String(), "created a new database") {
		t.Errorf("a new database is not announced: %s", &errs)
	}
	if code := execute(t.Context(), []string{"migrate", "down", "--yes"}, &out, &errs); old && code != 0 {
		t.Fatalf("%s", &errs)
	}
	if old {
		return
	}
	if code := execute(t.Context(), []string{"migrate", "up"}, &out, &errs); code != 0 {
		t.Fatalf("%s", &errs)
	}
}

// leaveBehind adds what killed processes leave in data, and serve and work remove. There is no secret.
func leaveBehind(t *testing.T) {
	t.Helper()
	longAgo := time.Now().Add(-48 * time.Hour)
	for _, file := range []string{"files/.scratch/scratch-1/lock", "files/.scratch/scratch-1/put-1", "bumpers/tmp-1"} {
		path := filepath.Join("data", filepath.FromSlash(file))
		err := os.MkdirAll(filepath.Dir(path), 0o750)
		if err == nil {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err == nil {
			err = os.Chtimes(path, longAgo, longAgo)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Without the folder of the files nothing can be compared with them, and nobody creates an empty one to do so.
func TestStorageCheckNeedsTheFiles(t *testing.T) {
	t.Setenv("DATA_DIR", "data")
	t.Setenv("ENV_FILE", "")
	t.Chdir(t.TempDir())
	prepare(t, false)
	var out, errs bytes.Buffer
	code := execute(t.Context(), []string{"storage", "check"}, &out, &errs)
	if code != exitFailure || !strings.Contains(errs.String(), "DATA_DIR: open storage root") {
		t.Errorf("exit code %d, %s%s", code, &out, &errs)
	}
	if exists(filepath.Join("data", "files")) {
		t.Error("the folder was created")
	}
}
