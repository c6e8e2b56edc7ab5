package diskstore

import (
	"errors"
	"io/fs"
	"path"
	"time"
)

const (
	// doneMemory is how long a completed upload is remembered, openMemory how long one that nobody ends.
	doneMemory = 24 * time.Hour
	openMemory = 7 * 24 * time.Hour
	// brokenMemory is how long the folder of an upload without a key stays: its process may have died just after it made it.
	brokenMemory = time.Hour

	forgetEvery = time.Hour
)

// forget removes the direct uploads that nobody will ask for any more, unless this process did so within the last hour. What cannot be
// removed waits for the next time, as it is nothing to the upload that is just begun.
func (s *Store) forget(now time.Time) {
	last := s.forgotten.Load()
	if last != 0 && now.UnixNano()-last < int64(forgetEvery) || !s.forgotten.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	entries, err := fs.ReadDir(s.root.FS(), directName)
	if err != nil {
		return
	}
	for _, e := range entries {
		if dir := path.Join(directName, e.Name()); s.outdated(dir, now) {
			_ = s.root.RemoveAll(dir)
		}
	}
}

// outdated goes by the latest state of an upload that there is a file of.
func (s *Store) outdated(dir string, now time.Time) bool {
	for _, state := range []struct {
		name   string
		memory time.Duration
	}{{doneName, doneMemory}, {keyName, openMemory}, {".", brokenMemory}} {
		info, err := s.root.Stat(path.Join(dir, state.name))
		if !errors.Is(err, fs.ErrNotExist) {
			return err == nil && now.Sub(info.ModTime()) > state.memory
		}
	}
	return false
}
