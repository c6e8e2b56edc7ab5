package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"risingstars/platform/backup"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

func folder(t *testing.T, path string) *storage.Bucket {
	t.Helper()
	store, err := diskstore.Open(diskstore.Options{Root: path, Secret: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return storage.New(store, storage.Options{})
}

func put(t *testing.T, b *storage.Bucket, key, content string) {
	t.Helper()
	if _, err := b.Put(t.Context(), key, strings.NewReader(content), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
}

// source is a storage with files, and rows that are a text.
func source(t *testing.T, rows string) (backup.Source, *storage.Bucket) {
	t.Helper()
	b := folder(t, t.TempDir())
	put(t, b, "uploads/a-1.mp4", strings.Repeat("a", 200_000))
	put(t, b, "processed/b-1.jpg", "")
	put(t, b, "elsewhere/c.jpg", "c")
	return backup.Source{
		Program: "test", Files: b, Prefixes: []string{"uploads/", "processed/"}, Secret: []byte("a secret"),
		Scratch: t.TempDir(),
		Export: func(_ context.Context, out io.Writer) (int64, error) {
			_, err := io.WriteString(out, rows)
			return 1, err
		},
	}, b
}

// places are all kinds of places, each empty. again opens the same one.
func places(t *testing.T) map[string]func() backup.Place {
	t.Helper()
	dir := t.TempDir()
	at := folder(t, filepath.Join(dir, "folder"))
	return map[string]func() backup.Place{
		"folder": func() backup.Place { return backup.In(at, "") },
		"prefix": func() backup.Place { return backup.In(at, "/some/where/") },
		"file": func() backup.Place {
			p, err := backup.Single(filepath.Join(dir, "one.tar"))
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
	}
}

func TestWhatIsBackedUpIsRestored(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, recipient := range []age.Recipient{nil, key.Recipient()} {
		for name, open := range places(t) {
			from, _ := source(t, "the rows")
			p := open()
			made, err := backup.Write(t.Context(), from, p, backup.Options{Recipient: recipient})
			if err != nil {
				t.Fatal(name, err)
			}
			if err := p.Close(); err != nil {
				t.Fatal(name, err)
			}
			if len(made.Files) != 2 || made.Bytes() != 200_000 || (made.Recipient != "") != (recipient != nil) {
				t.Errorf("%s: %+v", name, made)
			}
			r := &backup.Reader{Place: open()}
			if r.Snapshot, err = backup.Find(t.Context(), r.Place, ""); err != nil {
				t.Fatal(name, err)
			}
			to := folder(t, t.TempDir())
			if recipient != nil {
				if err := r.Verify(t.Context(), nil); err != nil {
					t.Errorf("%s: without the key: %v", name, err)
				}
				if err := r.Files(t.Context(), to); !errors.Is(err, backup.ErrLocked) {
					t.Errorf("%s: it is restored without the key: %v", name, err)
				}
				other, err := age.GenerateX25519Identity()
				if err != nil {
					t.Fatal(err)
				}
				r.Identities = []age.Identity{other}
				if err := r.Files(t.Context(), to); !errors.Is(err, backup.ErrLocked) {
					t.Errorf("%s: it is restored with another key: %v", name, err)
				}
				r.Identities = append(r.Identities, key)
			}
			if err := r.Files(t.Context(), to); err != nil {
				t.Fatal(name, err)
			}
			rows := ""
			read := func(in io.Reader) error {
				data, err := io.ReadAll(in)
				rows = string(data)
				return err
			}
			if err := r.Verify(t.Context(), read); err != nil || rows != "the rows" {
				t.Errorf("%s: rows %q, %v", name, rows, err)
			}
			if secret, err := r.Secret(t.Context()); err != nil || string(secret) != "a secret" {
				t.Errorf("%s: secret %q, %v", name, secret, err)
			}
			got, _, err := to.Open(t.Context(), "uploads/a-1.mp4")
			if err != nil {
				t.Fatal(name, err)
			}
			if data, err := io.ReadAll(got); err != nil || string(data) != strings.Repeat("a", 200_000) {
				t.Errorf("%s: another file comes back: %v", name, err)
			}
			_ = got.Close()
			if err := r.Place.Close(); err != nil {
				t.Error(name, err)
			}
		}
	}
}

// A file is copied once, deleted ones stay as long as a backup has them, and a backup that failed leaves none.
func TestBackupsShareFilesUntilTheyAreDeleted(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Now()
	from, b := source(t, "rows")
	dir := t.TempDir()
	at := folder(t, dir)
	p := backup.In(at, "")
	count := func() (n int) {
		t.Helper()
		if err := p.List(ctx, "files/", func(backup.Entry) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	first, err := backup.Write(ctx, from, p, backup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, "files/uploads/a-1.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, "uploads/d-1.mp4", "d")
	from.Export = func(context.Context, io.Writer) (int64, error) { return 0, errors.New("broken off") }
	if _, err := backup.Write(ctx, from, p, backup.Options{}); err == nil {
		t.Fatal("it succeeds without rows")
	}
	if all, err := backup.Names(ctx, p); err != nil || len(all) != 1 || count() != 3 {
		t.Fatalf("%d backups, %d files: %v", len(all), count(), err)
	}
	// What is uploaded and deleted while the rows are read belongs to the backup.
	from.Export = func(_ context.Context, out io.Writer) (int64, error) {
		put(t, b, "uploads/e-1.mp4", "e")
		if err := b.Delete(ctx, "uploads/d-1.mp4"); err != nil {
			t.Error(err)
		}
		_, err := fmt.Fprint(out, "rows")
		return 1, err
	}
	var second *backup.Snapshot
	for second == nil { // within the same second there can be no other one
		if second, err = backup.Write(ctx, from, p, backup.Options{}); err != nil && time.Since(now) > time.Minute {
			t.Fatal(err)
		}
	}
	var keys []string
	for _, file := range second.Files {
		keys = append(keys, file.Key)
	}
	want := []string{"processed/b-1.jpg", "uploads/a-1.mp4", "uploads/d-1.mp4", "uploads/e-1.mp4"}
	if !slices.Equal(keys, want) {
		t.Errorf("the second backup has %v, want %v", keys, want)
	}
	if after, err := os.Stat(filepath.Join(dir, "files/uploads/a-1.mp4")); err != nil || !os.SameFile(before, after) {
		t.Errorf("a file was copied again: %v", err)
	}
	if err := b.Delete(ctx, "uploads/a-1.mp4"); err != nil {
		t.Fatal(err)
	}
	if n, err := backup.Prune(ctx, p, from.Prefixes, 1, now); err != nil || n != 1 || count() != 4 {
		t.Errorf("%d backups were deleted, %d files are left: %v", n, count(), err)
	}
	if _, err := backup.Find(ctx, p, first.Name); !errors.Is(err, backup.ErrNone) {
		t.Errorf("a deleted backup: %v", err)
	}
	for _, strange := range []string{"dumps/wednesday.sql", "files/elsewhere/holiday.mp4"} {
		put(t, at, strange, "another program's")
	}
	if n, err := backup.Prune(ctx, p, from.Prefixes, 0, now.Add(48*time.Hour)); err != nil || n != 1 || count() != 1 {
		t.Errorf("%d backups were deleted, %d files are left: %v", n, count(), err)
	}
	if dumps, err := filepath.Glob(filepath.Join(dir, "dumps/*")); err != nil || len(dumps) != 1 {
		t.Errorf("in dumps there are %v, want what another program keeps: %v", dumps, err)
	}
}

// Whatever is missing, cut off or changed at the place is found, and never restored.
func TestADamagedBackupIsFound(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"missing": os.Remove,
		"cut off": func(path string) error { return os.Truncate(path, 3) },
		"changed": func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil {
				data[len(data)/2] ^= 1
				err = os.WriteFile(path, data, 0o600)
			}
			return err
		},
		"longer": func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, append(data, 'x'), 0o600)
			}
			return err
		},
	} {
		for _, part := range []string{"files/uploads/a-1.mp4", "dumps/NAME.jsonl.zst", "dumps/NAME.secret"} {
			from, _ := source(t, strings.Repeat("the rows", 1000))
			dir := t.TempDir()
			p := backup.In(folder(t, dir), "")
			s, err := backup.Write(t.Context(), from, p, backup.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(filepath.Join(dir, strings.Replace(part, "NAME", s.Name, 1))); err != nil {
				t.Fatal(err)
			}
			r := &backup.Reader{Place: p, Snapshot: s}
			err = r.Verify(t.Context(), func(in io.Reader) error { _, err := io.Copy(io.Discard, in); return err })
			if !errors.Is(err, backup.ErrDamaged) {
				t.Errorf("%s %s: %v", name, part, err)
			}
			to := folder(t, t.TempDir())
			err = r.Files(t.Context(), to)
			_, there := to.Stat(t.Context(), "uploads/a-1.mp4")
			if of := strings.HasPrefix(part, "files/"); of != (err != nil) || of != (there != nil) {
				t.Errorf("%s %s is restored: %v, %v", name, part, err, there)
			}
		}
	}
}

// A file that was broken off has no name, and a whole one is never replaced.
func TestASingleFileHasOneWholeBackup(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "one.tar")
	from, _ := source(t, "rows")
	whole := from.Export
	from.Export = func(context.Context, io.Writer) (int64, error) { return 0, errors.New("broken off") }
	for n, export := range []func(context.Context, io.Writer) (int64, error){from.Export, whole, whole} {
		from.Export = export
		p, err := backup.Single(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = backup.Write(t.Context(), from, p, backup.Options{})
		if (n == 1) != (err == nil) {
			t.Errorf("%d: %v", n, err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("%d: %v", n, err)
		}
		all, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
		if err != nil || len(all) != min(n, 1) {
			t.Errorf("%d: %v %v", n, all, err)
		}
	}
}

// Backups for different recipients, also at the same time, never spoil each other's files.
func TestEncryptedBackupsKeepTheirOwnFiles(t *testing.T) {
	t.Parallel()
	from, _ := source(t, "rows")
	dir := t.TempDir()
	p := backup.In(folder(t, dir), "")
	var keys []*age.X25519Identity
	var made []*backup.Snapshot
	for n := range 3 {
		key, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
		if n == 2 { // what cannot be read is no reason not to back up
			broken := filepath.Join(dir, "snapshots/20000101-000000.json")
			if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for began := time.Now(); len(made) == n; { // there is one each second at most
			s, err := backup.Write(t.Context(), from, p, backup.Options{Recipient: key.Recipient()})
			if err == nil {
				made = append(made, s)
			} else if time.Since(began) > time.Minute {
				t.Fatal(err)
			}
		}
	}
	for n, s := range made {
		r := &backup.Reader{Place: p, Snapshot: s, Identities: []age.Identity{keys[n]}}
		if err := r.Files(t.Context(), folder(t, t.TempDir())); err != nil {
			t.Errorf("backup %d: %v", n, err)
		}
	}
	if _, err := backup.Prune(t.Context(), p, from.Prefixes, 10, time.Now().Add(48*time.Hour)); err == nil {
		t.Error("files are deleted although it is unknown what a backup needs")
	}
}
