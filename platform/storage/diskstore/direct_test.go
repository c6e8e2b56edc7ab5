package diskstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

// putPart sends the one part of an upload through handler and returns it.
func putPart(t *testing.T, handler http.Handler, b *storage.Bucket, key, id, content string) storage.Part {
	t.Helper()
	target, err := b.PresignPart(t.Context(), key, id, 1, int64(len(content)), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	res := httptest.NewRecorder()
	handler.ServeHTTP(res, httptest.NewRequest(http.MethodPut, target, strings.NewReader(content)))
	if res.Code != http.StatusOK {
		t.Fatalf("PUT: status %d: %s", res.Code, res.Body)
	}
	return storage.Part{Number: 1, ETag: res.Header().Get("ETag"), Size: int64(len(content))}
}

func TestAnyProcessGoesOnWithADirectUpload(t *testing.T) {
	t.Parallel()
	const key = "uploads/shared.mp4"
	root := t.TempDir()
	first, second := open(t, root), open(t, root)
	id, err := bucket(t, first).BeginDirect(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	part := putPart(t, handler(second), bucket(t, first), key, id, "content")
	first.Close()
	obj, err := bucket(t, second).CompleteDirect(t.Context(), key, id, []storage.Part{part})
	if err != nil || obj.Size != 7 {
		t.Errorf("CompleteDirect = %+v, %v, want 7 bytes", obj, err)
	}
}

func TestDirectUploadsAreForgotten(t *testing.T) {
	t.Parallel()
	const key = "uploads/old.mp4"
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	begin := func() string {
		id, err := b.BeginDirect(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	open, done := begin(), begin()
	parts := []storage.Part{putPart(t, handler(store), b, key, done, "content")}
	if _, err := b.CompleteDirect(t.Context(), key, done, parts); err != nil {
		t.Fatal(err)
	}
	begin()
	if _, err := b.CompleteDirect(t.Context(), key, done, parts); err != nil {
		t.Errorf("forgotten at once: %v", err)
	}

	// age makes the files of both uploads so old, begins another one, and tells which of the two are left.
	age := func(hours int) (openLeft, doneLeft bool) {
		then := time.Now().Add(-time.Duration(hours) * time.Hour)
		for _, id := range []string{open, done} {
			files, err := filepath.Glob(filepath.Join(root, ".direct", id, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				if err := os.Chtimes(file, then, then); err != nil {
					t.Fatal(err)
				}
			}
		}
		begin()
		exists := func(id string) bool {
			_, err := os.Stat(filepath.Join(root, ".direct", id))
			return err == nil
		}
		return exists(open), exists(done)
	}
	for _, c := range []struct {
		hours              int
		openLeft, doneLeft bool
	}{{23, true, true}, {25, true, false}, {7*24 - 1, true, false}, {7*24 + 1, false, false}} {
		if openLeft, doneLeft := age(c.hours); openLeft != c.openLeft || doneLeft != c.doneLeft {
			t.Errorf("after %d h: open one left %v, completed one %v, want %v and %v", c.hours, openLeft, doneLeft, c.openLeft, c.doneLeft)
		}
	}
}

func TestAPartThatBreaksOffLeavesNothing(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	id, err := b.BeginDirect(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	target, err := b.PresignPart(t.Context(), key, id, 1, 10, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPut, target, bytes.NewReader([]byte("short")))
	req.ContentLength = 10
	res := httptest.NewRecorder()
	handler(store).ServeHTTP(res, req)
	if res.Code != http.StatusBadRequest {
		t.Errorf("status %d: %s", res.Code, res.Body)
	}
	if parts, err := b.DirectParts(t.Context(), key, id); err != nil || len(parts) != 0 {
		t.Errorf("parts %v, %v, want none", parts, err)
	}
	if files := inFlight(t, root); len(files) != 0 {
		t.Errorf("left in flight: %v", files)
	}
}

func TestAPartOfAnEndedUploadIsRefusedUnread(t *testing.T) {
	t.Parallel()
	const key, content = "uploads/a.mp4", "content"
	for name, end := range map[string]func(b *storage.Bucket, id string, part storage.Part) error{
		"aborted": func(b *storage.Bucket, id string, _ storage.Part) error { return b.AbortDirect(t.Context(), key, id) },
		"completed": func(b *storage.Bucket, id string, part storage.Part) error {
			_, err := b.CompleteDirect(t.Context(), key, id, []storage.Part{part})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			store := open(t, root)
			b := bucket(t, store)
			id, err := b.BeginDirect(t.Context(), key, "")
			if err != nil {
				t.Fatal(err)
			}
			target, err := b.PresignPart(t.Context(), key, id, 1, int64(len(content)), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			put := func(body io.Reader) int {
				req := httptest.NewRequest(http.MethodPut, target, body)
				req.ContentLength = int64(len(content))
				res := httptest.NewRecorder()
				handler(store).ServeHTTP(res, req)
				return res.Code
			}

			part := putPart(t, handler(store), b, key, id, content)
			// One that ends while a part arrives: the rest of it changes nothing.
			late := io.MultiReader(strings.NewReader(content[:3]), readerFunc(func([]byte) (int, error) {
				if err := end(b, id, part); err != nil {
					return 0, err
				}
				return 0, io.EOF
			}), strings.NewReader(content[3:]))
			if status := put(late); status != http.StatusNotFound {
				t.Errorf("PUT during the end: status %d, want 404", status)
			}
			unread := strings.NewReader(content)
			if status := put(unread); status != http.StatusNotFound || unread.Len() != len(content) {
				t.Errorf("PUT after the end: status %d, %d of %d bytes unread, want 404 and all", status, unread.Len(), len(content))
			}
			if files := inFlight(t, root); len(files) != 0 {
				t.Errorf("left in flight: %v", files)
			}
		})
	}
}

func TestALockedUploadIsWaitedForAsLongAsTheContextLives(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	id, err := b.BeginDirect(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.Open(filepath.Join(root, ".direct", id))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if err := scratch.Lock(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	// Whoever waits without an end finds the upload after all, and fails the test.
	defer time.AfterFunc(10*time.Second, func() { folder.Close() }).Stop()

	target, err := b.PresignPart(t.Context(), key, id, 1, 7, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(ctx context.Context) error{
		"DirectParts": func(ctx context.Context) error { _, err := b.DirectParts(ctx, key, id); return err },
		"AbortDirect": func(ctx context.Context) error { return b.AbortDirect(ctx, key, id) },
		"CompleteDirect": func(ctx context.Context) error {
			_, err := b.CompleteDirect(ctx, key, id, []storage.Part{{Number: 1, Size: 1}})
			return err
		},
		"PUT": func(ctx context.Context) error {
			return store.Serve(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPut, target, strings.NewReader("content")))
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want the end of the context", name, err)
		}
		cancel()
	}
	if err := scratch.Lock(t.Context(), folder); err != nil {
		t.Fatalf("the lock was given back before the calls ended: %v", err)
	}
}
