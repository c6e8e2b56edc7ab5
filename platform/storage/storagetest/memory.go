package storagetest

import (
	"hash/maphash"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"risingstars/platform/storage"
)

func memoryIsBounded(t *testing.T, b *storage.Bucket) {
	const key, size, bound = "uploads/large.mp4", 60 << 20, 32 << 20
	var in, out maphash.Hash
	out.SetSeed(in.Seed())
	heap := newHeapWatch()

	content := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), io.MultiWriter(&in, heap))
	// r has only Read, which hides the length and prevents other ways of copying, and returns small pieces, as a
	// network does.
	r := readerFunc(func(p []byte) (int, error) { return content.Read(p[:min(len(p), 64<<10)]) })
	if _, err := b.Put(t.Context(), key, r, storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	f, obj, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.MultiWriter(&out, heap), f); err != nil {
		t.Fatal(err)
	}

	if obj.Size != size || in.Sum64() != out.Sum64() {
		t.Errorf("read %d bytes, which differ from the %d put", obj.Size, size)
	}
	if heap.samples < 50 {
		t.Fatalf("memory was measured only %d times", heap.samples)
	}
	if heap.peak > heap.base+bound {
		t.Errorf("%d MiB in use during the transfers, want at most %d", (heap.peak-heap.base)>>20, bound>>20)
	}
}

// heapWatch measures the live heap after every 2 MiB that are written to it.
type heapWatch struct {
	base, peak uint64
	unmeasured int // bytes since the last sample
	samples    int
}

func newHeapWatch() *heapWatch { return &heapWatch{base: liveHeap()} }

func (h *heapWatch) Write(p []byte) (int, error) {
	if h.unmeasured += len(p); h.unmeasured >= 2<<20 {
		h.unmeasured %= 2 << 20
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
