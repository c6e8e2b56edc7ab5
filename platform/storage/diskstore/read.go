package diskstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"risingstars/platform/storage"
)

func (s *Store) Open(_ context.Context, key string) (io.ReadSeekCloser, storage.Object, error) {
	f, err := s.root.Open(key)
	if err != nil {
		return nil, storage.Object{}, notFound(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = storage.ErrNotFound
	}
	if err != nil {
		f.Close()
		return nil, storage.Object{}, err
	}
	return f, object(key, info), nil
}

func (s *Store) Stat(_ context.Context, key string) (storage.Object, error) {
	info, err := s.root.Stat(key)
	if err != nil {
		return storage.Object{}, notFound(err)
	}
	if !info.Mode().IsRegular() {
		return storage.Object{}, storage.ErrNotFound
	}
	return object(key, info), nil
}

func (s *Store) Delete(ctx context.Context, key string) error {
	if s.scratch == nil {
		return errLooks
	}
	// Remove alone would also remove an empty folder.
	_, err := s.Stat(ctx, key)
	if err == nil {
		err = notFound(s.root.Remove(key))
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	// Even if it was not there: another process may have just removed it, and a power cut would bring it back.
	if err := notFound(s.sync(path.Dir(key))); !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return nil
}

// listBatch is how many names of a folder are in memory at a time.
const listBatch = 1000

func (s *Store) List(ctx context.Context, prefix string, each func(storage.Object) error) error {
	top := "."
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		top = prefix[:i]
	}
	return s.list(ctx, top, prefix, each)
}

func (s *Store) list(ctx context.Context, folder, prefix string, each func(storage.Object) error) error {
	dir, err := s.root.Open(folder)
	if err != nil {
		return ignoreMissing(err)
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(listBatch)
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.listEntry(ctx, path.Join(folder, entry.Name()), entry, prefix, each); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ignoreMissing(err)
		}
	}
}

func (s *Store) listEntry(
	ctx context.Context, name string, entry fs.DirEntry, prefix string, each func(storage.Object) error,
) error {
	switch {
	case storage.CheckKey(name) != nil:
		return nil
	case entry.IsDir():
		if !mayHold(name+"/", prefix) {
			return nil
		}
		return s.list(ctx, name, prefix, each)
	case !entry.Type().IsRegular() || !strings.HasPrefix(name, prefix):
		return nil
	}
	info, err := entry.Info()
	if err != nil {
		return ignoreMissing(err)
	}
	return each(object(name, info))
}

// ignoreMissing returns nil for what has been deleted meanwhile, or has never been there.
func ignoreMissing(err error) error {
	if errors.Is(notFound(err), storage.ErrNotFound) {
		return nil
	}
	return err
}

// mayHold reports whether keys with the prefix can be in folder ("name/"), which then leads to the prefix or begins
// with it.
func mayHold(folder, prefix string) bool {
	return strings.HasPrefix(folder, prefix) || strings.HasPrefix(prefix, folder)
}

// Path does not follow links out of the store.
func (s *Store) Path(ctx context.Context, key string) (string, error) {
	if _, err := s.Stat(ctx, key); err != nil {
		return "", err
	}
	return filepath.Join(s.path, filepath.FromSlash(key)), nil
}
