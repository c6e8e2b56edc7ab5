package media

import (
	"context"
	"io"
	"sync/atomic"
	"testing"

	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

// guard is the real store, with a step before each operation that changes it.
type guard struct {
	*diskstore.Store
	before func(op, key string) error // op is put, begin, complete, abort or delete
}

// guard lets step run before each change of storage. After an error of step the change does not happen.
func (s *studio) guard(step func(op, key string) error) {
	s.bucket = storage.New(guard{s.files, step}, storage.Options{})
}

// once returns a step that runs do before the first operation op, and nothing before any other.
func once(op string, do func(key string)) func(op, key string) error {
	var done atomic.Bool
	return func(found, key string) error {
		if found == op && !done.Swap(true) {
			do(key)
		}
		return nil
	}
}

func (g guard) Put(ctx context.Context, key string, r io.Reader, contentType string) (storage.Object, error) {
	if err := g.before("put", key); err != nil {
		return storage.Object{}, err
	}
	return g.Store.Put(ctx, key, r, contentType)
}

func (g guard) PutAnnounced(
	ctx context.Context, key string, r io.Reader, contentType string, size int64,
) (storage.Object, error) {
	if err := g.before("put", key); err != nil {
		return storage.Object{}, err
	}
	return g.Store.PutAnnounced(ctx, key, r, contentType, size)
}

func (g guard) Move(ctx context.Context, key, path, contentType string) (storage.Object, error) {
	if err := g.before("put", key); err != nil {
		return storage.Object{}, err
	}
	return g.Store.Move(ctx, key, path, contentType)
}

func (g guard) Delete(ctx context.Context, key string) error {
	if err := g.before("delete", key); err != nil {
		return err
	}
	return g.Store.Delete(ctx, key)
}

func (g guard) BeginDirect(ctx context.Context, key, contentType string, size int64) (string, error) {
	if err := g.before("begin", key); err != nil {
		return "", err
	}
	return g.Store.BeginDirect(ctx, key, contentType, size)
}

func (g guard) CompleteDirect(
	ctx context.Context, key, id string, parts []storage.Part,
) (storage.Object, error) {
	if err := g.before("complete", key); err != nil {
		return storage.Object{}, err
	}
	return g.Store.CompleteDirect(ctx, key, id, parts)
}

func (g guard) AbortDirect(ctx context.Context, key, id string) error {
	if err := g.before("abort", key); err != nil {
		return err
	}
	return g.Store.AbortDirect(ctx, key, id)
}

// wantSound fails the test unless every file that a row names is there, and every file is named by a row.
func (s *studio) wantSound(t *testing.T) {
	t.Helper()
	var rows []videoRow
	if err := s.db.Query(t.Context(), &rows, `SELECT * FROM media_videos`); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, row := range rows {
		for _, key := range append(row.output().keys(), row.OriginalKey) {
			if key != "" {
				keys = append(keys, key)
			}
		}
	}
	s.wantFiles(t, keys...)
}
