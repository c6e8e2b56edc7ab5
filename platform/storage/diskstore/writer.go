package diskstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync/atomic"
	"time"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

const (
	// watchEvery is how often a writer looks whether its upload is still in progress.
	watchEvery = 500 * time.Millisecond
	// interruptEvery is how often a writer is interrupted until it ends: a read that begins just then would miss one.
	interruptEvery = 50 * time.Millisecond
)

func writerName(number int) string { return fmt.Sprintf("writer-%05d", number) }

// writePart is storePart for one writer at a time, in all processes: errPartInProgress. It ends with
// storage.ErrNoUpload within a second after the upload has ended, even in another process. interrupt ends a read of
// body that waits.
func (s *Store) writePart(
	ctx context.Context, key, id string, number int, size int64, body io.Reader, interrupt func(),
) (storage.Part, error) {
	lock, err := s.lockWriter(ctx, key, id, number)
	if err != nil {
		return storage.Part{}, err
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(ctx)
	watched := &watchedReader{r: body}
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		s.watch(ctx, key, id, watched, interrupt)
	}()
	part, err := s.storePart(ctx, key, id, number, size, watched)
	cancel()
	<-watching
	if err != nil && watched.ended.Load() {
		err = storage.ErrNoUpload
	}
	return part, err
}

// lockWriter locks the part until the file is closed or the process ends.
func (s *Store) lockWriter(ctx context.Context, key, id string, number int) (*os.File, error) {
	u, err := s.openInProgress(ctx, key, id)
	if err != nil {
		return nil, err
	}
	defer u.close()
	f, err := s.root.OpenFile(path.Join(u.path, writerName(number)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := scratch.TryLock(f)
	if err == nil && !locked {
		err = errPartInProgress
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// watch interrupts the writer from the end of the upload until ctx ends. An error of the disk interrupts nobody.
func (s *Store) watch(ctx context.Context, key, id string, r *watchedReader, interrupt func()) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !r.ended.Load() {
			if !s.hasEnded(key, id) {
				continue
			}
			r.ended.Store(true)
			ticker.Reset(interruptEvery)
		}
		interrupt()
	}
}

// hasEnded reports whether an upload was completed or aborted. It takes no lock.
func (s *Store) hasEnded(key, id string) bool {
	if err := s.checkUpload(key, id); err != nil {
		return errors.Is(err, storage.ErrNoUpload)
	}
	_, err := s.root.Stat(path.Join(directName, id, doneName))
	return !errors.Is(err, fs.ErrNotExist)
}

// watchedReader fails once the upload has ended.
type watchedReader struct {
	r     io.Reader
	ended atomic.Bool
}

func (w *watchedReader) Read(p []byte) (int, error) {
	if w.ended.Load() {
		return 0, storage.ErrNoUpload
	}
	return w.r.Read(p)
}
