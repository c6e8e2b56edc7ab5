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

// putPart sends the only part of an upload through handler and returns it.
func putPart(t *testing.T, handler http.Handler, b *storage.Bucket, key, id, content string) storage.Part {
	t.Helper()
	target, err := b.PresignPart(t.Context(), key, id, 1, int64(len(content)), time.Hour)
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

func TestAnyProcessCanContinueADirectUpload(t *testing.T) {
	t.Parallel()
	const key = "uploads/shared.mp4"
	root := t.TempDir()
	first, second := open(t, root), open(t, root)
	id, err := bucket(t, first).BeginDirect(t.Context(), key, "", 0)
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

func TestAFailedBeginDirectLeavesNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := bucket(t, open(t, root))
	if err := os.RemoveAll(filepath.Join(root, ".scratch")); err != nil {
		t.Fatal(err)
	}
	if id, err := b.BeginDirect(t.Context(), "uploads/a.mp4", "", 0); err == nil {
		t.Errorf("BeginDirect without a scratch area returns %s", id)
	}
	if left, err := filepath.Glob(filepath.Join(root, ".direct", "*")); err != nil || len(left) != 0 {
		t.Errorf("left over: %q (%v)", left, err)
	}
}

func TestAPartThatIsCutShortLeavesNothing(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	id, err := b.BeginDirect(t.Context(), key, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	target, err := b.PresignPart(t.Context(), key, id, 1, 10, time.Hour)
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

func TestAPartOfAnEndedUploadIsNotRead(t *testing.T) {
	t.Parallel()
	const key, content = "uploads/a.mp4", "content"
	for name, end := range map[string]func(b *storage.Bucket, id string, part storage.Part) error{
		"aborted": func(b *storage.Bucket, id string, _ storage.Part) error {
			return b.AbortDirect(t.Context(), key, id)
		},
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
			id, err := b.BeginDirect(t.Context(), key, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			target, err := b.PresignPart(t.Context(), key, id, 1, int64(len(content)), time.Hour)
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
			// The upload ends while a part arrives.
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
				t.Errorf("PUT after the end: status %d, %d of %d bytes unread, want 404 and all of them",
					status, unread.Len(), len(content))
			}
			if files := inFlight(t, root); len(files) != 0 {
				t.Errorf("left in flight: %v", files)
			}
		})
	}
}

func TestCallsWaitForALockedUploadUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	id, err := b.BeginDirect(t.Context(), key, "", 0)
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
	// A call that ignores its context gets the lock after a minute and fails the test, which would otherwise hang.
	defer time.AfterFunc(time.Minute, func() { folder.Close() }).Stop()

	target, err := b.PresignPart(t.Context(), key, id, 1, 7, time.Hour)
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
			r := httptest.NewRequestWithContext(ctx, http.MethodPut, target, strings.NewReader("content"))
			return store.Serve(httptest.NewRecorder(), r)
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want DeadlineExceeded", name, err)
		}
		cancel()
	}
	if err := scratch.Lock(t.Context(), folder); err != nil {
		t.Fatalf("the lock was released before the calls ended: %v", err)
	}
}
