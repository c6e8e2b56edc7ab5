package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"risingstars/platform/storage"
)

// readerFunc is a reader that misbehaves.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

var errBroken = errors.New("the browser went away")

// More than one part of a multipart upload, so that drivers are caught in the middle.
const half = 7 << 20

func broken() io.Reader {
	return io.MultiReader(bytes.NewReader(pattern(half)), readerFunc(func([]byte) (int, error) { return 0, errBroken }))
}

func failingReaderLeavesNothing(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	if _, err := b.Put(t.Context(), key, broken(), storage.PutOptions{}); !errors.Is(err, errBroken) {
		t.Errorf("Put: %v, want the reader's error", err)
	}
	wantNothing(t, b, key)
}

func failingReaderKeepsTheOld(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	old := pattern(5000)
	put(t, b, key, old)
	if _, err := b.Put(t.Context(), key, broken(), storage.PutOptions{}); !errors.Is(err, errBroken) {
		t.Errorf("Put: %v, want the reader's error", err)
	}
	if got := get(t, b, key); !bytes.Equal(got, old) {
		t.Error("the failed Put changed the object")
	}
}

func cancelledPutLeavesNothing(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := 0
	r := readerFunc(func(p []byte) (int, error) {
		if sent += len(p); sent > half {
			cancel()
		}
		return len(p), nil
	})
	if _, err := b.Put(ctx, key, r, storage.PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v, want Canceled", err)
	}
	wantNothing(t, b, key)

	// The last byte is read and the context ends before the object is there.
	last, cancelLast := context.WithCancel(t.Context())
	defer cancelLast()
	r = readerFunc(func([]byte) (int, error) { cancelLast(); return 0, io.EOF })
	if _, err := b.Put(last, key, r, storage.PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v, want Canceled", err)
	}
	wantNothing(t, b, key)
}

func tooLargeLeavesNothing(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	sent := 0
	endless := readerFunc(func(p []byte) (int, error) {
		sent += len(p)
		return len(p), nil
	})
	if _, err := b.Put(t.Context(), key, endless, storage.PutOptions{MaxBytes: half}); !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("Put: %v, want ErrTooLarge", err)
	}
	if sent != half+1 {
		t.Errorf("%d bytes were taken to see that %d are too many", sent, half)
	}
	wantNothing(t, b, key)
}

func contentAsLargeAsTheLimitFits(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	content := pattern(half)
	if _, err := b.Put(t.Context(), key, bytes.NewReader(content), storage.PutOptions{MaxBytes: half}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b, key); !bytes.Equal(got, content) {
		t.Errorf("read %d bytes that differ from the %d put", len(got), len(content))
	}
}

func missingIsErrNotFound(t *testing.T, b *storage.Bucket) {
	put(t, b, "uploads/file", nil)
	for _, key := range []string{"uploads/none.mp4", "none/clip.mp4", "uploads/file/below"} {
		if r, _, err := b.Open(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Open(%s): %v, %v, want ErrNotFound", key, r, err)
		}
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Stat(%s): %v, want ErrNotFound", key, err)
		}
		if _, err := b.Input(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Input(%s): %v, want ErrNotFound", key, err)
		}
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%s): %v, want nil", key, err)
		}
	}
}

func folderIsNoObject(t *testing.T, b *storage.Bucket) {
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
