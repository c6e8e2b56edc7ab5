package diskstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

// BeginDirect also removes expired uploads.
func (s *Store) BeginDirect(_ context.Context, key, _ string, size int64) (uploadID string, err error) {
	if s.scratch == nil {
		return "", errLooks
	}
	s.removeExpired(time.Now())
	claim, err := s.claim(size)
	if err != nil {
		return "", err
	}
	defer claim.Release() // from then on, the upload's folder has the promise
	id := rand.Text()
	if err := s.mkdirAll(directName); err != nil {
		return "", err
	}
	dir := path.Join(directName, id)
	if err := s.root.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if size > 0 {
		err = s.writeNote(dir, sizeName, strconv.FormatInt(size, 10))
	}
	if err == nil {
		err = s.writeNote(dir, keyName, key)
	}
	if err != nil {
		return "", errors.Join(err, s.root.RemoveAll(dir))
	}
	return id, s.sync(directName)
}

// storePart stores one part of exactly size bytes from r. It checks the upload before the first byte, so that it writes
// nothing for one that has ended, and again at the end, because the upload must not stay locked for as long as a client
// sends.
func (s *Store) storePart(
	ctx context.Context, key, id string, number int, size int64, r io.Reader,
) (storage.Part, error) {
	u, err := s.openInProgress(ctx, key, id)
	if err != nil {
		return storage.Part{}, err
	}
	u.close()
	f, err := s.scratch.File("put-")
	if err != nil {
		return storage.Part{}, err
	}
	// After the rename there is no file of this name, and Remove does nothing.
	defer os.Remove(f.Name())
	defer f.Close()
	// Not claimFor: this part was promised when the upload began.
	claim, err := s.volume.Claim(size)
	if err == nil {
		err = claim.Allocate(f)
	}
	if err != nil {
		return storage.Part{}, err
	}
	defer claim.Release()
	if _, err := io.CopyN(f, usingReader{r, claim}, size); err != nil {
		return storage.Part{}, fmt.Errorf("write: %w", err)
	}
	temp, err := filepath.Rel(s.path, f.Name())
	if err != nil {
		return storage.Part{}, err
	}
	info, err := s.persist(f, temp)
	if err != nil {
		return storage.Part{}, err
	}
	if u, err = s.openInProgress(ctx, key, id); err != nil {
		return storage.Part{}, err
	}
	defer u.close()
	if err := s.root.Rename(temp, path.Join(u.path, partName(number))); err != nil {
		return storage.Part{}, err
	}
	return part(number, info), s.sync(u.path)
}

// DirectParts reads the upload's folder.
func (s *Store) DirectParts(ctx context.Context, key, uploadID string) ([]storage.Part, error) {
	u, err := s.openInProgress(ctx, key, uploadID)
	if err != nil {
		return nil, err
	}
	defer u.close()
	return u.parts()
}

// CompleteDirect copies the parts into one file. Some file systems do that without moving the bytes.
func (s *Store) CompleteDirect(
	ctx context.Context, key, uploadID string, parts []storage.Part,
) (storage.Object, error) {
	u, err := s.openUpload(ctx, key, uploadID, scratch.Lock)
	if err != nil {
		return storage.Object{}, err
	}
	defer u.close()
	if u.etag != "" {
		return u.completed(ctx, key)
	}
	if err := u.checkParts(parts); err != nil {
		return storage.Object{}, err
	}
	obj, err := u.assemble(ctx, key, parts)
	if err != nil {
		return storage.Object{}, err
	}
	if err := s.writeNote(u.path, doneName, obj.ETag); err != nil {
		return storage.Object{}, err
	}
	if err := u.removeParts(); err != nil {
		return storage.Object{}, err
	}
	return obj, nil
}

// completed returns the object of a completed upload, or storage.ErrNoUpload if the key no longer has it.
func (u *uploadFolder) completed(ctx context.Context, key string) (storage.Object, error) {
	obj, err := u.store.Stat(ctx, key)
	if errors.Is(err, storage.ErrNotFound) || err == nil && obj.ETag != u.etag {
		err = storage.ErrNoUpload
	}
	if err != nil {
		return storage.Object{}, err
	}
	return obj, nil
}

// assemble needs the space of the whole file once more, until the parts are removed, and may borrow it.
func (u *uploadFolder) assemble(ctx context.Context, key string, parts []storage.Part) (storage.Object, error) {
	var size int64
	for _, p := range parts {
		size += p.Size
	}
	claim, err := u.store.volume.Borrow(size)
	if err != nil {
		return storage.Object{}, err
	}
	defer claim.Release()
	f, err := u.store.scratch.File("put-")
	if err != nil {
		return storage.Object{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for _, p := range parts {
		if err := ctx.Err(); err != nil {
			return storage.Object{}, err
		}
		if err := u.appendPart(f, p); err != nil {
			return storage.Object{}, err
		}
		claim.Use(p.Size)
	}
	return u.store.commit(ctx, key, f)
}

func (u *uploadFolder) appendPart(f *os.File, p storage.Part) error {
	in, err := u.store.root.Open(path.Join(u.path, partName(p.Number)))
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := io.Copy(f, in); err != nil {
		return fmt.Errorf("append part %d: %w", p.Number, err)
	}
	return nil
}

// AbortDirect moves the folder away under the lock, so that no more parts can arrive, and then removes it.
func (s *Store) AbortDirect(ctx context.Context, key, uploadID string) error {
	u, err := s.openUpload(ctx, key, uploadID, scratch.Lock)
	if errors.Is(err, storage.ErrNoUpload) {
		return nil
	}
	if err != nil {
		return err
	}
	defer u.close()
	if u.etag != "" {
		return nil
	}
	trash, err := s.scratch.Dir("aborted-")
	if err != nil {
		return err
	}
	temp, err := filepath.Rel(s.path, trash)
	if err != nil {
		return err
	}
	if err := s.root.Rename(u.path, path.Join(temp, uploadID)); err != nil {
		return err
	}
	return errors.Join(s.sync(directName), os.RemoveAll(trash))
}
