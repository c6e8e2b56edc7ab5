// Package scratch keeps temporary files. Close removes them; after a crash, the next process that opens the same root
// does.
//
// Every process works in an area of its own: a folder root/scratch-<random> with a locked file in it. The kernel
// releases the lock when the process ends, even by kill -9, and the next Open of the same root, in any process, removes
// all areas whose lock is free.
//
// The package promises nothing about a root on a network file system, and it does not limit the space used: package
// disk does.
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

// errNoArea is the answer of a nil Area.
var errNoArea = errors.New("temporary files are not created here: this process only looks")

// Area is one process's folder of temporary files. It is safe for concurrent use. A nil Area creates nothing.
type Area struct {
	path  string
	lock  *os.File
	close func() error
}

// Open creates an area under root, which it also creates if it is missing, and removes the areas of dead processes. If
// a dead area cannot be removed, Open still succeeds, and the next Open tries again.
func Open(root string) (*Area, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open scratch root: %w", err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("create scratch root: %w", err)
	}

	// With the guard, creating an area and locking its file is one step for every process that sweeps. The guard is
	// never removed, because one process could hold a removed guard while another locks a new one.
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
		return nil, fmt.Errorf("create scratch area: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = flock(f, syscall.LOCK_EX)
	}
	if err != nil {
		return nil, fmt.Errorf("lock scratch area: %w", errors.Join(err, removeArea(path)))
	}
	a := &Area{path: path, lock: f}
	a.close = sync.OnceValue(func() error { return errors.Join(removeArea(a.path), a.lock.Close()) })
	return a, nil
}

// Dir creates an empty folder with a unique name and returns its absolute path.
func (a *Area) Dir(prefix string) (string, error) {
	if a == nil {
		return "", errNoArea
	}
	dir, err := os.MkdirTemp(a.path, prefix)
	if err != nil {
		return "", fmt.Errorf("create scratch folder: %w", err)
	}
	return dir, nil
}

// File creates an empty file with a unique name and opens it for reading and writing. Its Name is an absolute path.
// Closing it does not remove it.
func (a *Area) File(prefix string) (*os.File, error) {
	if a == nil {
		return nil, errNoArea
	}
	f, err := os.CreateTemp(a.path, prefix)
	if err != nil {
		return nil, fmt.Errorf("create scratch file: %w", err)
	}
	return f, nil
}

// Close removes the area and everything in it. All writers must have ended. Later calls return the result of the first.
func (a *Area) Close() error {
	if a == nil {
		return nil
	}
	return a.close()
}

// sweep removes the areas of dead processes. It runs under the guard, so no living process is still creating one.
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
		// If the process died just before it created the lock file or just after it removed it, the folder is empty.
		// Otherwise, the folder is not an area. Remove removes only an empty folder.
		_ = os.Remove(path)
		return
	}
	if err != nil {
		return
	}
	defer f.Close()
	if locked, err := tryLock(f, syscall.LOCK_EX); err == nil && locked {
		_ = removeArea(path)
	}
}

// removeArea deletes the lock file last, so that after an interrupted removal the folder is still recognised as an
// area.
func removeArea(path string) error {
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
