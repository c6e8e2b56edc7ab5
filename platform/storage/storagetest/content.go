package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"risingstars/platform/storage"
)

func roundTrip(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	content := pattern(100_000)
	before := time.Now()
	obj := put(t, b, key, content)

	if got := get(t, b, key); !bytes.Equal(got, content) {
		t.Errorf("read %d bytes that differ from the %d put", len(got), len(content))
	}
	want := storage.Object{Key: key, Size: 100_000, ContentType: "video/mp4"}
	if d := cmp.Diff(want, obj, cmpopts.IgnoreFields(storage.Object{}, "ModTime", "ETag")); d != "" {
		t.Errorf("Put (-want +got):\n%s", d)
	}
	// S3 counts whole seconds, with a clock of its own.
	if obj.ModTime.Before(before.Add(-2*time.Second)) || obj.ModTime.After(time.Now().Add(2*time.Second)) {
		t.Errorf("put at %v, says %v", before, obj.ModTime)
	}
	if len(obj.ETag) < 3 || obj.ETag[0] != '"' || obj.ETag[len(obj.ETag)-1] != '"' {
		t.Errorf("ETag %s is not a strong, quoted one", obj.ETag)
	}

	stat, err := b.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	r, opened, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var listed storage.Object
	if err := b.List(t.Context(), "", func(o storage.Object) error { listed = o; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]storage.Object{"Stat": stat, "Open": opened} {
		if d := cmp.Diff(obj, got, cmpopts.IgnoreFields(storage.Object{}, "ModTime")); d != "" {
			t.Errorf("%s (-Put +%s):\n%s", name, name, d)
		}
	}
	if d := cmp.Diff(stat, listed, cmpopts.EquateApproxTime(time.Second)); d != "" {
		t.Errorf("List (-Stat +List):\n%s", d)
	}

	if again := put(t, b, key, content[1:]); again.ETag == obj.ETag {
		t.Errorf("ETag %s is the same for another content", obj.ETag)
	}
}

func emptyObject(t *testing.T, b *storage.Bucket) {
	const key = "uploads/empty.bin"
	obj := put(t, b, key, nil)
	if obj.Size != 0 || obj.ContentType != "application/octet-stream" {
		t.Errorf("got %+v, want 0 bytes of application/octet-stream", obj)
	}
	if got := get(t, b, key); len(got) != 0 {
		t.Errorf("read %d bytes of an empty object", len(got))
	}
}

func seekAndRanges(t *testing.T, b *storage.Bucket) {
	const key, size = "uploads/clip.mp4", 300_000
	content := pattern(size)
	put(t, b, key, content)
	r, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	for _, c := range []struct {
		offset int64
		whence int
		at     int64
	}{
		{250_000, io.SeekStart, 250_000},
		{-1000, io.SeekEnd, size - 1000},
		{0, io.SeekStart, 0},
		{123, io.SeekCurrent, 623},
		{0, io.SeekEnd, size},
		{10, io.SeekStart, 10},
	} {
		at, err := r.Seek(c.offset, c.whence)
		if err != nil || at != c.at {
			t.Fatalf("Seek(%d, %d) = %d, %v, want %d", c.offset, c.whence, at, err, c.at)
		}
		want := content[at:min(at+500, size)]
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes from %d are wrong (%v)", len(want), at, err)
		}
		if at == size {
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Fatalf("read at the end = %d, %v, want EOF", n, err)
			}
		}
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("Seek before the start succeeds")
	}
}

func memoryIsBounded(t *testing.T, b *storage.Bucket) {
	const key, size, bound = "uploads/large.mp4", 60 << 20, 32 << 20
	in, out := sha256.New(), sha256.New()
	heap := newHeapWatch()

	content := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), io.MultiWriter(in, heap))
	// Only Read, so that nobody learns the length or copies by other means, and in the small pieces that come from a network.
	r := readerFunc(func(p []byte) (int, error) { return content.Read(p[:min(len(p), 64<<10)]) })
	if _, err := b.Put(t.Context(), key, r, storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	f, obj, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.MultiWriter(out, heap), f); err != nil {
		t.Fatal(err)
	}

	if obj.Size != size || !bytes.Equal(in.Sum(nil), out.Sum(nil)) {
		t.Errorf("got %d bytes back, or others than the %d put", obj.Size, size)
	}
	if heap.samples < 50 {
		t.Fatalf("memory was looked at %d times only", heap.samples)
	}
	if heap.peak > heap.base+bound {
		t.Errorf("%d MiB in use on the way, want at most %d", (heap.peak-heap.base)>>20, bound>>20)
	}
}

// heapWatch measures the live heap for every 2 MiB that go through it.
type heapWatch struct {
	base, peak uint64
	unseen     int
	samples    int
}

func newHeapWatch() *heapWatch { return &heapWatch{base: liveHeap()} }

func (h *heapWatch) Write(p []byte) (int, error) {
	if h.unseen += len(p); h.unseen >= 2<<20 {
		h.unseen %= 2 << 20
		h.samples++
		h.peak = max(h.peak, liveHeap())
	}
	return len(p), nil
}

func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func overwriteIsAtomic(t *testing.T, b *storage.Bucket) {
	const key, rounds = "uploads/clip.mp4", 60
	version := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 50_000+i*1000) }
	put(t, b, key, version(0))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	met := make(chan struct{}) // closed when a reader has seen a second version
	hasMet := sync.OnceFunc(func() { close(met) })
	seen := make([]map[byte]bool, 3)
	for i := range seen {
		seen[i] = map[byte]bool{}
		readers.Go(func() {
			for ctx.Err() == nil {
				r, obj, err := b.Open(t.Context(), key)
				if err != nil {
					t.Errorf("open while it is overwritten: %v", err)
					return
				}
				got, err := io.ReadAll(r)
				r.Close()
				if err != nil {
					t.Errorf("read while it is overwritten: %v", err)
					return
				}
				if len(got) == 0 || !bytes.Equal(got, version(int(got[0]))) || obj.Size != int64(len(got)) {
					t.Errorf("read %d of %d bytes that are no version", len(got), obj.Size)
					return
				}
				seen[i][got[0]] = true
				if len(seen[i]) > 1 {
					hasMet()
				}
			}
		})
	}
	last := 0
	for i, deadline := 0, time.Now().Add(patience); i < rounds || !isClosed(met) && time.Now().Before(deadline); i++ {
		last = i % 200 // which a byte holds
		put(t, b, key, version(last))
	}
	stop()
	readers.Wait()

	all := map[byte]bool{}
	for _, s := range seen {
		for v := range s {
			all[v] = true
		}
	}
	if len(all) < 2 {
		t.Errorf("the readers saw %d versions: they never met a writer", len(all))
	}
	if got := get(t, b, key); !bytes.Equal(got, version(last)) {
		t.Error("the last version is not the one that stayed")
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func openReaderKeepsItsVersion(t *testing.T, b *storage.Bucket) {
	const key = "uploads/clip.mp4"
	first, second := bytes.Repeat([]byte("1"), 4<<20), bytes.Repeat([]byte("2"), 4<<20)
	put(t, b, key, first)
	r, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	head := make([]byte, 1000)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	put(t, b, key, second)

	if _, err := r.Seek(2<<20, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	tail, err := io.ReadAll(r)
	// A driver may be unable to go on, but must not mix.
	if err == nil && !bytes.Equal(tail, first[2<<20:]) {
		t.Error("one reader saw two versions")
	}
}

func putFile(t *testing.T, b *storage.Bucket) {
	const key = "processed/clip-1.mp4"
	file := filepath.Join(t.TempDir(), "out.mp4")
	// Twice: over nothing and over an object. The file's own age must not become the object's.
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
		t.Errorf("the store holds %q, want %q only", keys, key)
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
		t.Errorf("the refused file changed (%v)", err)
	}
}
