package storagetest

import (
	"bytes"
	"context"
	"io"
	"strings"
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
	// S3 has a clock of its own and rounds to whole seconds.
	if obj.ModTime.Before(before.Add(-2*time.Second)) || obj.ModTime.After(time.Now().Add(2*time.Second)) {
		t.Errorf("put at %v, ModTime is %v", before, obj.ModTime)
	}
	if len(obj.ETag) < 3 || obj.ETag[0] != '"' || obj.ETag[len(obj.ETag)-1] != '"' {
		t.Errorf("ETag %s is not strong and quoted", obj.ETag)
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
		t.Errorf("ETag %s is the same for other content", obj.ETag)
	}
}

func announcedContentMayBeShorter(t *testing.T, b *storage.Bucket) {
	const key, content = "uploads/clip.mp4", "short"
	obj, err := b.Put(t.Context(), key, strings.NewReader(content), storage.PutOptions{Announced: 1 << 20})
	if err != nil || obj.Size != int64(len(content)) {
		t.Fatalf("the object has %d bytes (%v)", obj.Size, err)
	}
	if got := get(t, b, key); string(got) != content {
		t.Errorf("it reads %q", got)
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

func overwriteIsAtomic(t *testing.T, b *storage.Bucket) {
	const key, rounds = "uploads/clip.mp4", 60
	version := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 50_000+i*1000) }
	put(t, b, key, version(0))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	overlapped := make(chan struct{}) // closed when a reader has seen a second version
	overlap := sync.OnceFunc(func() { close(overlapped) })
	seen := make([]map[byte]bool, 3)
	for i := range seen {
		seen[i] = map[byte]bool{}
		readers.Go(func() {
			for ctx.Err() == nil {
				r, obj, err := b.Open(t.Context(), key)
				if err != nil {
					t.Errorf("Open during a Put: %v", err)
					return
				}
				got, err := io.ReadAll(r)
				r.Close()
				if err != nil {
					t.Errorf("Read during a Put: %v", err)
					return
				}
				if len(got) == 0 || !bytes.Equal(got, version(int(got[0]))) || obj.Size != int64(len(got)) {
					t.Errorf("read %d of %d bytes, which are not one version", len(got), obj.Size)
					return
				}
				seen[i][got[0]] = true
				if len(seen[i]) > 1 {
					overlap()
				}
			}
		})
	}
	last := 0
	deadline := time.Now().Add(timeout)
	for i := 0; i < rounds || !isClosed(overlapped) && time.Now().Before(deadline); i++ {
		last = i % 200 // must fit into a byte
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
		t.Errorf("the readers saw %d versions, so no read overlapped a Put", len(all))
	}
	if got := get(t, b, key); !bytes.Equal(got, version(last)) {
		t.Error("the object is not the last version")
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
	// A driver may fail here, but must not mix versions.
	if err == nil && !bytes.Equal(tail, first[2<<20:]) {
		t.Error("one reader saw two versions")
	}
}
