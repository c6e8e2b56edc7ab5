package backup

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"risingstars/platform/disk"
	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

// unfinished ends the names of files that are being written. Nobody else's files are called so.
const unfinished = ".unfinished-backup"

// Single returns the place that is a single file, a tar archive (POSIX.1-2001), which holds one backup. A new one is
// written beside its name until Close. What killed processes have left in its folder is removed.
func Single(path string) (Place, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		out, err := createUnfinished(path)
		if err != nil {
			return nil, fmt.Errorf("create the backup's file: %w", err)
		}
		return &newTar{path: path, file: out, out: tar.NewWriter(out)}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the backup's file: %w", err)
	}
	t := &oldTar{file: f, parts: map[string]part{}}
	if err := t.index(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), f.Close())
	}
	return t, nil
}

// createUnfinished creates the file that becomes the one at path, and locks it for as long as it is open.
func createUnfinished(path string) (*os.File, error) {
	folder := filepath.Dir(path)
	there, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range there {
		if strings.HasSuffix(entry.Name(), unfinished) && entry.Type().IsRegular() {
			removeUnlocked(filepath.Join(folder, entry.Name()))
		}
	}
	for {
		f, err := os.CreateTemp(folder, filepath.Base(path)+".*"+unfinished)
		if err != nil {
			return nil, err
		}
		locked, err := scratch.TryLock(f)
		if err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
		// Another process may have taken it for a killed one's before it was locked.
		if _, err := os.Stat(f.Name()); locked && err == nil {
			return f, nil
		}
		f.Close()
	}
}

// removeUnlocked removes a file unless a process that lives writes it. If that fails, the next backup tries again.
func removeUnlocked(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if locked, err := scratch.TryLock(f); err == nil && locked {
		_ = os.Remove(path)
	}
}

// newTar is a file that is being written.
type newTar struct {
	path  string
	file  *os.File
	out   *tar.Writer
	parts []Entry
	whole bool // the snapshot is there
}

func (t *newTar) Put(_ context.Context, name string, r io.Reader, size int64) error {
	header := &tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: time.Now(), Format: tar.FormatPAX}
	if err := t.out.WriteHeader(header); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := io.Copy(t.out, r); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := t.out.Flush(); err != nil { // tells if there was less than its size
		return fmt.Errorf("write %s: %w", name, err)
	}
	t.parts = append(t.parts, Entry{name, size, header.ModTime})
	t.whole = t.whole || strings.HasPrefix(name, snapshots)
	return nil
}

func (t *newTar) Open(context.Context, string) (io.ReadCloser, error) {
	return nil, storage.ErrNotFound
}

func (t *newTar) List(_ context.Context, prefix string, each func(Entry) error) error {
	for _, entry := range t.parts {
		if strings.HasPrefix(entry.Name, prefix) {
			if err := each(entry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *newTar) Delete(context.Context, string) error { return nil }

// Close gives the file its name if its snapshot is there, and removes it otherwise.
func (t *newTar) Close() error {
	err := t.out.Close()
	if err == nil {
		err = t.file.Sync()
	}
	if err == nil && t.whole {
		err = t.name()
	}
	if left := os.Remove(t.file.Name()); !errors.Is(left, fs.ErrNotExist) {
		err = errors.Join(err, left)
	}
	return errors.Join(err, t.file.Close()) // with which the lock ends
}

// name gives the file its name. It replaces nothing, but where files have one name only, as on a USB stick, another
// process's file of the same moment.
func (t *newTar) name() error {
	err := os.Link(t.file.Name(), t.path)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported) {
		if _, err := os.Lstat(t.path); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(errHasOne, err)
		}
		err = os.Rename(t.file.Name(), t.path)
	}
	if err != nil {
		return err
	}
	return disk.SyncFolder(filepath.Dir(t.path))
}

// oldTar is a file that is being read.
type oldTar struct {
	file  *os.File
	parts map[string]part
}

type part struct {
	at, size int64
	time     time.Time
}

func (t *oldTar) index() error {
	for in := tar.NewReader(t.file); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		at, err := t.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		t.parts[header.Name] = part{at, header.Size, header.ModTime}
	}
}

func (t *oldTar) Put(context.Context, string, io.Reader, int64) error { return errHasOne }

func (t *oldTar) Open(_ context.Context, name string) (io.ReadCloser, error) {
	p, ok := t.parts[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, storage.ErrNotFound)
	}
	return io.NopCloser(io.NewSectionReader(t.file, p.at, p.size)), nil
}

func (t *oldTar) List(_ context.Context, prefix string, each func(Entry) error) error {
	for name, p := range t.parts {
		if strings.HasPrefix(name, prefix) {
			if err := each(Entry{name, p.size, p.time}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *oldTar) Delete(context.Context, string) error { return errHasOne }

func (t *oldTar) Close() error { return t.file.Close() }
