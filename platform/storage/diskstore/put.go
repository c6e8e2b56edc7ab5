package diskstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"risingstars/platform/disk"
	"risingstars/platform/storage"
)

// copyBuffer is how many bytes of an object are read before they are written.
const copyBuffer = 32 << 10

// Put writes a scratch file and renames it into place. The only error after which the object is there is a failed fsync
// of its folder, as on a broken disk.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, _ string) (storage.Object, error) {
	return s.put(ctx, key, r, 0)
}

// PutAnnounced allocates the space on the disk, or counts it where the file system cannot.
func (s *Store) PutAnnounced(
	ctx context.Context, key string, r io.Reader, _ string, size int64,
) (storage.Object, error) {
	return s.put(ctx, key, r, size)
}

// put stores content of at most size bytes above the reserve or, if size is 0, content that may use the reserve.
func (s *Store) put(ctx context.Context, key string, r io.Reader, size int64) (storage.Object, error) {
	f, err := s.scratch.File("put-")
	if err != nil {
		return storage.Object{}, err
	}
	// After the rename there is no file of this name, and Remove does nothing.
	defer os.Remove(f.Name())
	defer f.Close()

	if size > 0 {
		claim, err := s.claimFor(f, size)
		if err != nil {
			return storage.Object{}, err
		}
		defer claim.Release()
		r = usingReader{r, claim}
	}
	if err := s.copy(f, r); err != nil {
		return storage.Object{}, fmt.Errorf("write: %w", err)
	}
	if size == 0 {
		return s.commit(ctx, key, f)
	}
	if err := disk.Trim(f); err != nil {
		return storage.Object{}, fmt.Errorf("trim: %w", err)
	}
	return s.commitNew(ctx, key, f)
}

// copy is io.Copy with a buffer that is used again.
func (s *Store) copy(to *os.File, from io.Reader) error {
	buffer, ok := s.buffers.Get().(*[copyBuffer]byte)
	if !ok {
		buffer = new([copyBuffer]byte)
	}
	defer s.buffers.Put(buffer)
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, from, buffer[:]) // a file would bring a buffer of its own
	return err
}

// Move renames the file into the scratch area first, because os.Root renames only within itself.
func (s *Store) Move(ctx context.Context, key, path, _ string) (obj storage.Object, err error) {
	f, err := s.scratch.File("move-")
	if err != nil {
		return storage.Object{}, err
	}
	temp := f.Name()
	f.Close()
	if err := os.Rename(path, temp); err != nil {
		_ = os.Remove(temp)
		if errors.Is(err, syscall.EXDEV) {
			return storage.Object{}, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
		return storage.Object{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, moveBack(temp, path))
		}
	}()

	f, err = os.Open(temp)
	if err != nil {
		return storage.Object{}, err
	}
	defer f.Close()
	return s.commit(ctx, key, f)
}

// moveBack does nothing if the file has already been moved to its key.
func moveBack(temp, path string) error {
	if err := os.Rename(temp, path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// commit turns the scratch file f into the object: durable first, then visible, then durably visible.
func (s *Store) commit(ctx context.Context, key string, f *os.File) (storage.Object, error) {
	temp, err := filepath.Rel(s.path, f.Name())
	if err != nil {
		return storage.Object{}, err
	}
	info, err := s.persist(f, temp)
	if err != nil {
		return storage.Object{}, err
	}
	if err := s.mkdirAll(path.Dir(key)); err != nil {
		return storage.Object{}, err
	}
	if err := ctx.Err(); err != nil {
		return storage.Object{}, err
	}
	if err := s.root.Rename(temp, key); err != nil {
		return storage.Object{}, err
	}
	if err := s.sync(path.Dir(key)); err != nil {
		return storage.Object{}, err
	}
	return object(key, info), nil
}

// commitNew is commit for an object that is not there yet, as is every upload's: visible first, then durable together
// with its name, for which file systems with a journal wait only once. A power cut before it returns may leave an
// object whose content is incomplete. If there is an object, or no second name for a file, it does as commit does.
func (s *Store) commitNew(ctx context.Context, key string, f *os.File) (storage.Object, error) {
	temp, err := filepath.Rel(s.path, f.Name())
	if err != nil {
		return storage.Object{}, err
	}
	if err := s.mkdirAll(path.Dir(key)); err != nil {
		return storage.Object{}, err
	}
	if err := s.finish(f, temp); err != nil {
		return storage.Object{}, err
	}
	if err := ctx.Err(); err != nil {
		return storage.Object{}, err
	}
	if err := s.root.Link(temp, key); err != nil {
		return s.commit(ctx, key, f)
	}
	// Both at once, so that they wait for the same commit of the journal: while many uploads change the folder, one
	// after the other would wait for the next.
	named := make(chan error, 1)
	go func() { named <- s.sync(path.Dir(key)) }()
	info, err := f.Stat()
	if err == nil {
		err = f.Sync()
	}
	unnamed := <-named
	if err != nil {
		return storage.Object{}, errors.Join(err, s.root.Remove(key))
	}
	return object(key, info), unnamed
}

// persist finishes the scratch file f and makes it durable.
func (s *Store) persist(f *os.File, temp string) (fs.FileInfo, error) {
	if err := s.finish(f, temp); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return f.Stat()
}

// finish sets the final mode and time of the scratch file f.
func (s *Store) finish(f *os.File, temp string) error {
	if err := f.Chmod(0o640); err != nil {
		return err
	}
	// The kernel's own timestamps are milliseconds apart, too coarse for an ETag, and a moved file should carry the
	// time of its Put.
	now := time.Now()
	return s.root.Chtimes(temp, now, now)
}

// mkdirAll creates dir and its parents, and makes each new folder durable in its parent.
func (s *Store) mkdirAll(dir string) error {
	if dir == "." {
		return nil
	}
	if info, err := s.root.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := path.Dir(dir)
	if err := s.mkdirAll(parent); err != nil {
		return err
	}
	if err := s.root.Mkdir(dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.sync(parent)
}

// sync makes the entries of the folder dir durable.
func (s *Store) sync(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
