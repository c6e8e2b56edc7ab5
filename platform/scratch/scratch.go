// Package scratch keeps temporary files that outlive no process.
//
// Every process works in an area of its own: a folder root/scratch-<random> with a locked file in it. The kernel frees the lock when the
// process ends, kill -9 included, and the next Open of the same root, by any process, removes the areas whose lock is free.
//
// It promises nothing about a root on a network file system, and it does not limit the space used.
package scratch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

const (
	areaPrefix = "scratch-"
	lockName   = "lock"
	guardName  = "guard"
)

// Area is one process's folder of temporary files. It is safe for concurrent use.
type Area struct {
	path  string
	lock  *os.File
	close func() error
}

// Open makes an area under root, which it creates when missing, and removes the areas of dead processes.
// A dead area that cannot be removed stops nobody: the next Open tries again.
func Open(root string) (*Area, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open scratch root: %w", err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("make scratch root: %w", err)
	}

	// The guard makes "make the folder, lock its file" one step for everyone who sweeps. It is never removed: a removed guard could be
	// held by one process while another locks its successor.
	guard, err := os.OpenFile(filepath.Join(root, guardName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open scratch guard: %w", err)
	}
	defer guard.Close()
	if err := flock(guard, syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock scratch guard: %w", err)
	}

	sweep(root)
	return newArea(root)
}

func newArea(root string) (*Area, error) {
	path, err := os.MkdirTemp(root, areaPrefix)
	if err != nil {
		return nil, fmt.Errorf("make scratch area: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = flock(f, syscall.LOCK_EX)
	}
	if err != nil {
		return nil, fmt.Errorf("lock scratch area: %w", errors.Join(err, remove(path)))
	}
	a := &Area{path: path, lock: f}
	a.close = sync.OnceValue(func() error { return errors.Join(remove(a.path), a.lock.Close()) })
	return a, nil
}

// Dir makes a new, empty folder with a unique name and returns its absolute path.
func (a *Area) Dir(prefix string) (string, error) {
	dir, err := os.MkdirTemp(a.path, prefix)
	if err != nil {
		return "", fmt.Errorf("make scratch folder: %w", err)
	}
	return dir, nil
}

// File makes a new, empty file with a unique name, open for reading and writing; Name is its absolute path. Closing does not remove it.
func (a *Area) File(prefix string) (*os.File, error) {
	f, err := os.CreateTemp(a.path, prefix)
	if err != nil {
		return nil, fmt.Errorf("make scratch file: %w", err)
	}
	return f, nil
}

// Close removes the area with all that is in it; those who write there must have ended. Later calls return what the first did.
func (a *Area) Close() error { return a.close() }

// sweep runs under the guard, so no area it sees is half made by a living process.
func sweep(root string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), areaPrefix) {
			removeIfDead(filepath.Join(root, e.Name()))
		}
	}
}

func removeIfDead(path string) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		// Its process died just before the lock or just after its removal, both with nothing else in the folder; or the folder is
		// somebody else's, and then it must keep what it holds.
		_ = os.Remove(path)
		return
	}
	if err != nil {
		return
	}
	defer f.Close()
	if free, err := try(f, syscall.LOCK_EX); err == nil && free {
		_ = remove(path)
	}
}

// remove deletes the lock file last, so that an area whose removal was cut short is still known as one.
func remove(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if e.Name() != lockName {
			errs = append(errs, os.RemoveAll(filepath.Join(path, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("empty scratch area: %w", err)
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("remove scratch area: %w", err)
	}
	return nil
}
