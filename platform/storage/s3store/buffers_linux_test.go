package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store/s3test"
)

// The parts of stalled uploads exceed the memory for them, so the last ones, and the upload of somebody whose clip does
// arrive, go through files.
//
//nolint:paralleltest // it measures the memory of the whole process
func TestStalledUploadsHoldBoundedMemoryAndNobodyElse(t *testing.T) {
	const (
		stalled = 100
		arrived = storage.MinPartBytes - 1000
		bound   = 24 << 20 // 4 MiB for parts, and what the readers and the runtime need
	)
	area, err := scratch.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer area.Close()
	opts := options(t, s3test.New(t).Name)
	opts.Scratch = area
	b := bucket(t, open(t, opts))
	before := resident(t)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := errors.New("the client went away")
	var waiting, done sync.WaitGroup
	waiting.Add(stalled)
	for range stalled {
		arrives := sync.OnceFunc(waiting.Done)
		stall := readerFunc(func([]byte) (int, error) { arrives(); <-ctx.Done(); return 0, gone })
		done.Go(func() {
			content := io.MultiReader(io.LimitReader(endless(), arrived), stall)
			if _, err := b.Put(t.Context(), key, content, storage.PutOptions{}); !errors.Is(err, gone) {
				t.Errorf("a stalled Put: %v, want the error of its reader", err)
			}
		})
	}
	waiting.Wait()
	held := resident(t) - before
	t.Logf("%d uploads that have sent %d bytes hold %.1f MiB", stalled, arrived, float64(held)/(1<<20))
	if held > bound {
		t.Errorf("stalled uploads hold %d bytes of memory, want at most %d", held, bound)
	}

	content := make([]byte, parts)
	rand.NewChaCha8([32]byte{1}).Read(content)
	if _, err := b.Put(t.Context(), "uploads/healthy.mp4", bytes.NewReader(content), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	cancel()
	done.Wait()

	r, _, err := b.Open(t.Context(), "uploads/healthy.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("what went through files reads as %d other bytes (%v)", len(got), err)
	}
}

// resident returns how much memory this process occupies, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	t.Fatalf("no VmRSS in %s", status)
	return 0
}
