package diskstore

import (
	"errors"
	"io/fs"
	"path"
	"time"
)

const (
	// completedTTL is how long the folder of a completed upload stays after its completion, so that CompleteDirect can
	// be repeated.
	completedTTL = 24 * time.Hour
	// inProgressTTL is how long an upload that is neither completed nor aborted stays after its beginning.
	inProgressTTL = 7 * 24 * time.Hour
	// keylessTTL is how long the folder of an upload without a key stays. The process that created it may have died at
	// once.
	keylessTTL = time.Hour

	expiryInterval = time.Hour
)

// removeExpired removes expired direct uploads, at most once per expiryInterval in each process. It leaves a folder
// that cannot be removed for the next time, because such an error does not concern the upload that is about to begin.
func (s *Store) removeExpired(now time.Time) {
	last := s.expiryRun.Load()
	if last != 0 && now.UnixNano()-last < int64(expiryInterval) || !s.expiryRun.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	entries, err := fs.ReadDir(s.root.FS(), directName)
	if err != nil {
		return
	}
	for _, e := range entries {
		if dir := path.Join(directName, e.Name()); s.expired(dir, now) {
			_ = s.root.RemoveAll(dir)
		}
	}
}

// expired reports whether the upload in dir is past the TTL of its latest state. Each state but the last has a file.
func (s *Store) expired(dir string, now time.Time) bool {
	for _, state := range []struct {
		name string
		ttl  time.Duration
	}{{doneName, completedTTL}, {keyName, inProgressTTL}, {".", keylessTTL}} {
		info, err := s.root.Stat(path.Join(dir, state.name))
		if !errors.Is(err, fs.ErrNotExist) {
			return err == nil && now.Sub(info.ModTime()) > state.ttl
		}
	}
	return false
}
