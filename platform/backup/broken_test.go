package backup_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/platform/backup"
	"risingstars/platform/disk"
	"risingstars/platform/disk/disktest"
)

// breaking is a place that counts the files it is given, and breaks off before one of them.
type breaking struct {
	backup.Place

	files, last int
}

func (b *breaking) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	if strings.HasPrefix(name, "files/") {
		if b.files == b.last {
			return errors.New("broken off")
		}
		b.files++
	}
	return b.Place.Put(ctx, name, r, size)
}

// The files that a backup had copied before it was broken off serve the next one, and only those that are whole.
func TestABrokenOffBackupServesTheNext(t *testing.T) {
	t.Parallel()
	from, b := source(t, "rows")
	put(t, b, "uploads/b-1.mp4", "bb")
	dir := t.TempDir()
	at := backup.In(folder(t, dir), "")
	first := &breaking{Place: at, last: 2}
	if _, err := backup.Write(t.Context(), from, first, backup.Options{}); err == nil {
		t.Fatal("it is not broken off")
	}
	short := filepath.Join(dir, "files/uploads/a-1.mp4")
	if err := os.Truncate(short, 100); err != nil {
		t.Fatal(err)
	}
	second := &breaking{Place: at, last: 10}
	made, err := backup.Write(t.Context(), from, second, backup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Files) != 3 || first.files != 2 || second.files != 2 {
		t.Errorf("%d files; copied %d before and %d after", len(made.Files), first.files, second.files)
	}
	r := &backup.Reader{Place: at, Snapshot: made}
	read := func(in io.Reader) error { _, err := io.Copy(io.Discard, in); return err }
	if err := r.Verify(t.Context(), read); err != nil {
		t.Error(err)
	}
	if err := r.Files(t.Context(), folder(t, t.TempDir())); err != nil {
		t.Error(err)
	}
}

// A backup whose files another process deletes before they are named has none of its own.
func TestABackupWithHolesIsNone(t *testing.T) {
	t.Parallel()
	from, _ := source(t, "rows")
	dir := t.TempDir()
	at := backup.In(folder(t, dir), "")
	whole := from.Export
	from.Export = func(context.Context, io.Writer) (int64, error) {
		return 1, os.Remove(filepath.Join(dir, "files/uploads/a-1.mp4"))
	}
	if _, err := backup.Write(t.Context(), from, at, backup.Options{}); err == nil ||
		!strings.Contains(err.Error(), "is another backup running?") {
		t.Errorf("with a hole: %v", err)
	}
	if names, err := backup.Names(t.Context(), at); err != nil || len(names) != 0 {
		t.Errorf("there is a backup with a hole: %v (%v)", names, err)
	}
	from.Export = whole
	if _, err := backup.Write(t.Context(), from, at, backup.Options{}); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// What a killed process has left beside a single file is removed, and what a living one writes is not.
func TestWhatAKilledBackupLeavesIsRemoved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "with [brackets]")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	left, strange := filepath.Join(dir, "one.tar.123.unfinished-backup"), filepath.Join(dir, "other.tar.part")
	for _, path := range []string{left, strange} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	from, _ := source(t, "rows")
	living, err := backup.Single(filepath.Join(dir, "one.tar"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := backup.Single(filepath.Join(dir, "two.tar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []backup.Place{living, other} {
		if _, err := backup.Write(t.Context(), from, p, backup.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	want := []string{"one.tar", "other.tar.part", "two.tar"}
	found, err := os.ReadDir(dir)
	if err != nil || len(found) != len(want) {
		t.Fatalf("%v, want %v (%v)", found, want, err)
	}
	for i, entry := range found {
		if entry.Name() != want[i] {
			t.Errorf("%s is there, want %s", entry.Name(), want[i])
		}
	}
}

// On a full disk there is no backup and nothing of one; once there is room, there is. On a disk of the service it stops
// at the reserve.
func TestAFullDiskEndsABackup(t *testing.T) {
	t.Parallel()
	const size, reserve = 4 << 20, 2 << 20
	for _, kept := range []bool{false, true} {
		dir := disktest.Mount(t, size)
		from, b := source(t, "rows")
		put(t, b, "uploads/large.mp4", strings.Repeat("x", 1<<20))
		free := int64(1 << 19)
		var volume *disk.Volume
		if kept {
			free += reserve
			var err error
			if volume, err = disk.New(disk.Options{Reserve: reserve}).Add("backups", dir); err != nil {
				t.Fatal(err)
			}
		}
		at := folder(t, filepath.Join(dir, "folder"))
		for name, open := range map[string]func() (backup.Place, error){
			"folder": func() (backup.Place, error) { return backup.In(at, ""), nil },
			"file":   func() (backup.Place, error) { return backup.Single(filepath.Join(dir, "one.tar")) },
		} {
			filler := disktest.FillTo(t, dir, free)
			for _, full := range []bool{true, false} {
				p, err := open()
				if err != nil {
					t.Fatal(err)
				}
				p = backup.Within(p, volume)
				_, err = backup.Write(t.Context(), from, p, backup.Options{})
				if closed := p.Close(); !full && closed != nil {
					t.Errorf("%s: %v", name, closed)
				}
				if !full {
					if err != nil {
						t.Errorf("%s: with room: %v", name, err)
					}
					continue
				}
				if !errors.Is(disk.Explain(err), disk.ErrFull) {
					t.Errorf("%s: on a full disk: %v", name, err)
				}
				if p, err = open(); err != nil {
					t.Fatal(err)
				}
				if all, err := backup.Names(t.Context(), p); err != nil || len(all) != 0 {
					t.Errorf("%s: there is a backup: %v, %v", name, all, err)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				for _, file := range disktest.Files(t, dir) {
					if strings.HasPrefix(file, "put-") || strings.Contains(file, ".tar") {
						t.Errorf("%s: %s is left", name, file)
					}
				}
			}
			if name == "folder" { // the other needs its room
				later := time.Now().Add(48 * time.Hour)
				p := backup.In(at, "")
				if n, err := backup.Prune(t.Context(), p, from.Prefixes, 0, later); err != nil || n != 1 {
					t.Errorf("%d backups were deleted: %v", n, err)
				}
			} else if err := os.Remove(filepath.Join(dir, "one.tar")); err != nil {
				t.Fatal(err)
			}
		}
	}
}
