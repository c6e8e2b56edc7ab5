package diskstore

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"sync"
	"time"

	"risingstars/platform/disk"
)

// The announced size of a direct upload is a promise until the upload ends: what of it has not arrived counts as used.
// It is in the upload's folder, so that all processes of the host keep the promises of all.
const (
	sizeName = "size"
	// promiseTTL is how long a promise holds while nothing arrives, so that nobody takes the disk by announcing alone.
	// Later parts are accepted if there is room at that moment.
	promiseTTL = time.Hour
)

// settleTime is how long a folder must have been unchanged before its time identifies its content: the kernel's clock
// for files is coarse.
const settleTime = time.Second

// promises remembers what is still to arrive for the direct uploads in progress, so that a count reads only the folders
// that have changed.
type promises struct {
	mu      sync.Mutex
	uploads map[string]promise // by folder
}

type promise struct {
	changed time.Time // of the folder
	bytes   int64
}

// claim claims n bytes for something new, beside what is promised.
func (s *Store) claim(n int64) (*disk.Claim, error) {
	if s.volume == nil {
		return nil, nil // a nil claim is an empty one
	}
	promised, err := s.promised()
	if err != nil {
		return nil, err
	}
	claim, err := s.volume.Claim(n + promised)
	claim.Use(promised)
	return claim, err
}

// claimFor is claim for the empty scratch file f. Where the file system can, it allocates the space on the disk.
func (s *Store) claimFor(f *os.File, n int64) (*disk.Claim, error) {
	claim, err := s.claim(n)
	if err == nil {
		err = claim.Allocate(f)
	}
	return claim, err
}

// promised returns what is still to arrive for all direct uploads in progress.
func (s *Store) promised() (total int64, err error) {
	s.promises.mu.Lock()
	defer s.promises.mu.Unlock()
	folders, err := fs.ReadDir(s.root.FS(), directName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	uploads := make(map[string]promise, len(folders))
	for _, folder := range folders {
		info, err := folder.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if time.Since(info.ModTime()) > promiseTTL {
			continue
		}
		p, known := s.promises.uploads[folder.Name()]
		if !known || !p.changed.Equal(info.ModTime()) {
			if p.bytes, err = s.missing(path.Join(directName, folder.Name())); err != nil {
				return 0, err
			}
		}
		if p.changed = info.ModTime(); time.Since(p.changed) > settleTime {
			uploads[folder.Name()] = p
		}
		total += p.bytes
	}
	s.promises.uploads = uploads
	return total, nil
}

// missing returns how many bytes are still to arrive for the upload in the folder dir; 0 if it has ended.
func (s *Store) missing(dir string) (int64, error) {
	if _, err := s.root.Stat(path.Join(dir, doneName)); !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	text, err := s.root.ReadFile(path.Join(dir, sizeName))
	if errors.Is(err, fs.ErrNotExist) { // of no announced size, or it has just ended
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	size, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, err
	}
	parts, err := (&uploadFolder{store: s, path: dir}).parts()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for _, p := range parts {
		size -= p.Size
	}
	return max(size, 0), nil
}

// usingReader tells the claim what has arrived.
type usingReader struct {
	io.Reader
	claim *disk.Claim
}

func (r usingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.claim.Use(int64(n))
	return n, err
}
