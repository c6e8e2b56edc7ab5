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

func (s *Store) List(ctx context.Context, prefix string, each func(storage.Object) error) error {
	top := "."
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		top = prefix[:i]
	}
	return fs.WalkDir(s.root.FS(), top, func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if errors.Is(notFound(err), storage.ErrNotFound) {
				return nil
			}
			return err
		}
		if entry.IsDir() {
			if name != "." && (storage.CheckKey(name) != nil || !mayHold(name+"/", prefix)) {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || !strings.HasPrefix(name, prefix) || storage.CheckKey(name) != nil {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return each(object(name, info))
	})
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
