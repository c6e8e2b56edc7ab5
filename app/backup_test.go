package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/config"
	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// contest is a database with people, entries and votes, among them what is hard to write down.
func contest(t *testing.T, db *database.DB) {
	t.Helper()
	ctx := t.Context()
	for n, name := range []string{"Ana", "Zoë “Zo” O'Neill", "\u2028 {\"base64\":\"x\"} \\n", "名前", ""} {
		_, err := db.Exec(ctx, `INSERT INTO identity_users
			(id, email, email_folded, email_canonical, password_hash, first_name, last_name, city, country, created_at)
			VALUES (?, ?, ?, '', 'x', ?, 'B', 'Cali', 'Colombia', ?)`,
			fmt.Sprintf("user-%d", n), "A@b.example", fmt.Sprintf("a%d@b.example", n), name, int64(1)<<60+int64(n))
		if err != nil {
			t.Fatal(err)
		}
	}
	m := voting.New(voting.Deps{DB: db, Options: voting.Options{SelfVotes: true}})
	var entries []voting.Seeded
	for n := range 30 {
		id := videoID(n)
		entries = append(entries, voting.Seeded{PublishedAt: time.Now(), Entry: voting.Entry{
			VideoID: id, UserID: fmt.Sprintf("user-%d", n), PlayerName: "Ana", City: "Bogotá", Country: "Colombia",
			Title: fmt.Sprintf("Canción número %d", n), UploadedAt: time.Now(),
			Output: voting.Output{
				ProcessedKey: "processed/" + id + "-1-x.mp4", PosterKey: "processed/" + id + "-1-x.jpg",
			},
		}})
	}
	if err := m.Seed(ctx, entries); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		if _, err := m.Vote(ctx, videoID(n%7), fmt.Sprintf("voter-%d", n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Unvote(ctx, videoID(1), "voter-1"); err != nil {
		t.Fatal(err)
	}
}

func videoID(n int) string { return fmt.Sprintf("0190d5a0-0000-7000-8000-%012d", n) }

func exported(t *testing.T, db *database.DB) (text string, lines []string) {
	t.Helper()
	var out bytes.Buffer
	if _, err := db.Export(t.Context(), &out, kept()...); err != nil {
		t.Fatal(err)
	}
	lines = slices.Collect(strings.Lines(out.String()))
	slices.Sort(lines)
	return out.String(), lines
}

// What one kind of database exports the other one imports, and all is there: rows, search, counters.
func TestAnExportOfEachDatabaseFitsTheOther(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, migrations(), func(t *testing.T, from *database.DB) {
		contest(t, from)
		text, lines := exported(t, from)
		databasetest.Each(t, migrations(), func(t *testing.T, to *database.DB) {
			ctx := t.Context()
			if _, err := to.Import(ctx, strings.NewReader(text), kept()...); err != nil {
				t.Fatal(err)
			}
			// The versions differ where a file is for one database alone, and the order of columns may.
			if _, again := exported(t, to); from.Dialect() == to.Dialect() {
				if diff := cmp.Diff(lines, again); diff != "" {
					t.Error(diff)
				}
			} else if len(again) != len(lines) {
				t.Errorf("%d lines instead of %d", len(again), len(lines))
			}
			m := voting.New(voting.Deps{DB: to, Options: voting.Options{SelfVotes: true}})
			page, err := m.Gallery(ctx, voting.Filter{Search: "cancion 23"}, voting.Recent, voting.Window{Limit: 10})
			if err != nil || page.Total != 1 || len(page.Entries) != 1 {
				t.Errorf("a search finds %d entries: %v", page.Total, err)
			}
			if total, err := m.Vote(ctx, videoID(0), "somebody new"); err != nil || total != 16 {
				t.Errorf("the 16th vote makes %d: %v", total, err)
			}
			if err := m.CheckCounters(ctx, func(found voting.Miscount) error {
				return fmt.Errorf("%+v", found)
			}); err != nil {
				t.Error(err)
			}
			if _, err := to.Import(ctx, strings.NewReader(text), kept()...); !errors.Is(err, database.ErrNotEmpty) {
				t.Errorf("a second import: %v", err)
			}
		})
	})
}

// An export that is cut off anywhere, or changed, changes nothing.
func TestABrokenExportChangesNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, migrations(), func(t *testing.T, db *database.DB) {
		contest(t, db)
		text, _ := exported(t, db)
		if err := database.CheckImport(strings.NewReader(text), kept()...); err != nil {
			t.Error(err)
		}
		empty := databasetest.Open(t, migrations()...)
		_, before := exported(t, empty)
		end := strings.LastIndex(text, `{"end"`)
		broken := map[string]string{
			"nothing":      "",
			"no end":       text[:end],
			"half an end":  text[:end+5],
			"no head":      text[strings.Index(text, "\n")+1:],
			"another form": strings.Replace(text, `{"format":1`, `{"format":2`, 1),
			"newer":        strings.Replace(text, `"versions":{"identity":`, `"versions":{"identity":9`, 1),
			"an owner":     strings.Replace(text, `"versions":{`, `"versions":{"jury":1,`, 1),
			"a row less":   strings.Replace(text, text[strings.Index(text, "["):strings.Index(text, "]\n")+2], "", 1),
		}
		for part := 1; part < 10; part++ {
			broken[fmt.Sprintf("%d tenths", part)] = text[:len(text)*part/10]
		}
		for name, text := range broken {
			if _, err := empty.Import(t.Context(), strings.NewReader(text), kept()...); err == nil {
				t.Errorf("%s: it is imported", name)
			}
			err := database.CheckExport(strings.NewReader(text))
			if fits := name == "newer" || name == "an owner"; fits != (err == nil) {
				t.Errorf("%s: a check says %v", name, err)
			}
			if err := database.CheckImport(strings.NewReader(text), kept()...); err == nil {
				t.Errorf("%s: a check before an import finds nothing", name)
			}
			if _, after := exported(t, empty); cmp.Diff(before, after) != "" {
				t.Fatalf("%s has changed something", name)
			}
		}
	})
}

// A folder in which backups would lie among the contest's files is refused, also by another path.
func TestBackupsAmongTheContestsFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "data/files/clips"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("data", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		files, target string
		fits          bool
	}{
		{"", "data", false},
		{"", "link", false},
		{"data/files/clips", "data", false},
		{"", "data/backups", true},
		{"", "elsewhere", true},
	} {
		settings := &config.Config{}
		settings.Data.Dir = filepath.Join(dir, "data")
		if c.files != "" {
			settings.Data.FilesDir = filepath.Join(dir, c.files)
		}
		p, err := openPlace(t.Context(), settings, filepath.Join(dir, c.target), false)
		if c.fits != (err == nil) {
			t.Errorf("files in %q, backups in %s: %v", c.files, c.target, err)
		}
		if err == nil {
			_ = p.Close()
		}
	}
}
