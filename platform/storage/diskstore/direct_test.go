package diskstore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

// putPart sends the one part of an upload through handler and returns it.
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

// What is known of an upload appears whole, by a rename, and never as a file that is being written.
func TestACrashLeavesNoHalfNotes(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	areas, err := filepath.Glob(filepath.Join(root, ".scratch", "scratch-*"))
	if err != nil || len(areas) != 1 {
		t.Fatalf("scratch areas %q, %v, want one", areas, err)
	}
	fromScratch := watch(t, areas[0], syscall.IN_MOVED_FROM)
	id, err := b.BeginDirect(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	if moved := fromScratch(); len(moved) != 1 {
		t.Errorf("%q left the scratch area, want the file with the key", moved)
	}
	part := putPart(t, handler(store), b, key, id, "content")
	written := watch(t, filepath.Join(root, ".direct", id), syscall.IN_CREATE|syscall.IN_MODIFY)
	moved := watch(t, filepath.Join(root, ".direct", id), syscall.IN_MOVED_TO)
	if _, err := b.CompleteDirect(t.Context(), key, id, []storage.Part{part}); err != nil {
		t.Fatal(err)
	}
	if in, out := moved(), written(); len(in) != 1 || in[0] != "done" || len(out) != 0 {
		t.Errorf("moved in %q, written in place %q, want done and nothing", in, out)
	}
}

// A begin that fails leaves no folder that nobody knows of.
func TestABeginThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := bucket(t, open(t, root))
	if err := os.RemoveAll(filepath.Join(root, ".scratch")); err != nil {
		t.Fatal(err)
	}
	if id, err := b.BeginDirect(t.Context(), "uploads/a.mp4", ""); err == nil {
		t.Errorf("began %s without a place to write", id)
	}
	if left, err := filepath.Glob(filepath.Join(root, ".direct", "*")); err != nil || len(left) != 0 {
		t.Errorf("left over: %q (%v)", left, err)
	}
}

// watch has the kernel note events in dir; what it returns gives the names so far.
func watch(t *testing.T, dir string, events uint32) (names func() []string) {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if _, err := syscall.InotifyAddWatch(fd, dir, events); err != nil {
		t.Fatal(err)
	}
	return func() (names []string) {
		t.Helper()
		buffer := make([]byte, 64<<10)
		n, err := syscall.Read(fd, buffer)
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			t.Fatal(err)
		}
		for rest := buffer[:max(n, 0)]; len(rest) > 0; {
			end := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(rest[12:]))
			names = append(names, string(bytes.TrimRight(rest[syscall.SizeofInotifyEvent:end], "\x00")))
			rest = rest[end:]
		}
		return names
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
