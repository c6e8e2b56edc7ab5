package storagetest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"risingstars/platform/storage"
)

func putFile(t *testing.T, b *storage.Bucket) {
	const key = "processed/clip-1.mp4"
	file := filepath.Join(t.TempDir(), "out.mp4")
	// The first file creates the object, the second replaces it. The age of a file must not become the object's.
	for _, content := range [][]byte{pattern(200_000), pattern(70_000)} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
		obj, err := b.PutFile(t.Context(), key, file, storage.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if obj.Size != int64(len(content)) || obj.ContentType != "video/mp4" || time.Since(obj.ModTime) > time.Hour/2 {
			t.Errorf("got %+v, want %d bytes of video/mp4 put just now", obj, len(content))
		}
		if err := os.RemoveAll(file); err != nil {
			t.Error(err)
		}
		if got := get(t, b, key); !bytes.Equal(got, content) {
			t.Errorf("read %d bytes that differ from the %d put", len(got), len(content))
		}
	}
	if keys := list(t, b, ""); !slices.Equal(keys, []string{key}) {
		t.Errorf("the store holds %q, want only %q", keys, key)
	}
}

func putFileRefuses(t *testing.T, b *storage.Bucket) {
	const key = "processed/clip-1.mp4"
	dir := t.TempDir()
	file, link := filepath.Join(dir, "out.mp4"), filepath.Join(dir, "link.mp4")
	if err := os.WriteFile(file, pattern(1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	for name, c := range map[string]struct {
		ctx  context.Context
		path string
		opts storage.PutOptions
		want error
	}{
		"too large":     {t.Context(), file, storage.PutOptions{MaxBytes: 999}, storage.ErrTooLarge},
		"cancelled":     {ended, file, storage.PutOptions{}, context.Canceled},
		"no file":       {t.Context(), filepath.Join(dir, "none.mp4"), storage.PutOptions{}, os.ErrNotExist},
		"a folder":      {t.Context(), dir, storage.PutOptions{}, nil},
		"symbolic link": {t.Context(), link, storage.PutOptions{}, nil},
	} {
		_, err := b.PutFile(c.ctx, key, c.path, c.opts)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		wantNothing(t, b, key)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, pattern(1000)) {
		t.Errorf("the refused file was changed (%v)", err)
	}
}
