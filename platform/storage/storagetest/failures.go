package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"risingstars/platform/storage"
)

// readerFunc turns a function into a reader.
type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

var errBroken = errors.New("the browser went away")

// overOnePart is more than one part of a multipart upload, so that a driver fails in the middle of one.
const overOnePart = 7 << 20

// brokenReader returns overOnePart bytes and then errBroken.
func brokenReader() io.Reader {
	fail := readerFunc(func([]byte) (int, error) { return 0, errBroken })
	return io.MultiReader(bytes.NewReader(pattern(overOnePart)), fail)
}

func failingReaderLeavesNothing(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	if _, err := b.Put(t.Context(), key, brokenReader(), storage.PutOptions{}); !errors.Is(err, errBroken) {
		t.Errorf("Put: %v, want the reader's error", err)
	}
	wantNothing(t, b, key)
}

func failingReaderKeepsOldObject(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	old := pattern(5000)
	put(t, b, key, old)
	if _, err := b.Put(t.Context(), key, brokenReader(), storage.PutOptions{}); !errors.Is(err, errBroken) {
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
		if sent += len(p); sent > overOnePart {
			cancel()
		}
		return len(p), nil
	})
	if _, err := b.Put(ctx, key, r, storage.PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v, want Canceled", err)
	}
	wantNothing(t, b, key)

	// The context ends after the last byte was read and before the object is there.
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
	_, err := b.Put(t.Context(), key, endless, storage.PutOptions{MaxBytes: overOnePart})
	if !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("Put: %v, want ErrTooLarge", err)
	}
	if sent != overOnePart+1 {
		t.Errorf("%d bytes were read with a limit of %d, want one more than the limit", sent, overOnePart)
	}
	wantNothing(t, b, key)
}

func contentAsLargeAsTheLimitFits(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	content := pattern(overOnePart)
	opts := storage.PutOptions{MaxBytes: overOnePart}
	if _, err := b.Put(t.Context(), key, bytes.NewReader(content), opts); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b, key); !bytes.Equal(got, content) {
		t.Errorf("read %d bytes that differ from the %d put", len(got), len(content))
	}
}
