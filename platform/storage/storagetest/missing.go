package storagetest

import (
	"errors"
	"testing"

	"risingstars/platform/storage"
)

func missingIsErrNotFound(t *testing.T, b *storage.Bucket) {
	put(t, b, "uploads/file", nil)
	for _, key := range []string{"uploads/none.mp4", "none/clip.mp4", "uploads/file/below"} {
		if r, _, err := b.Open(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Open(%s): %v, %v, want ErrNotFound", key, r, err)
		}
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Stat(%s): %v, want ErrNotFound", key, err)
		}
		_, err := b.Path(t.Context(), key)
		if !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Path(%s): %v, want ErrNotFound, or ErrUnsupported from a driver without files", key, err)
		}
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%s): %v, want nil", key, err)
		}
	}
}

func folderIsNotAnObject(t *testing.T, b *storage.Bucket) {
	put(t, b, "uploads/2026/clip.mp4", []byte("x"))
	for _, key := range []string{"uploads", "uploads/2026"} {
		if r, _, err := b.Open(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Open(%s): %v, %v, want ErrNotFound", key, r, err)
		}
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Stat(%s): %v, want ErrNotFound", key, err)
		}
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%s): %v, want nil", key, err)
		}
	}
	if got := get(t, b, "uploads/2026/clip.mp4"); string(got) != "x" {
		t.Errorf("the object below reads %q", got)
	}
}

func deleteTwice(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	put(t, b, key, []byte("x"))
	for range 2 {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		wantNothing(t, b, key)
	}
	put(t, b, key, []byte("y"))
	if got := get(t, b, key); string(got) != "y" {
		t.Errorf("put after Delete reads %q", got)
	}
}
