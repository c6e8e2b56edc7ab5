package scratch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"risingstars/platform/scratch"
)

func TestLockWaitsUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	file := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	first, second, third := file(), file(), file()
	for _, f := range []*os.File{first, second} {
		if err := scratch.LockShared(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := scratch.Lock(short, third); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Lock while shared locks are held: %v, want DeadlineExceeded", err)
	}

	locked := make(chan error)
	go func() { locked <- scratch.Lock(t.Context(), third) }()
	first.Close()
	second.Close()
	if err := <-locked; err != nil {
		t.Errorf("Lock after the shared locks were released: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := scratch.LockShared(ended, file()); !errors.Is(err, context.Canceled) {
		t.Errorf("LockShared while an exclusive lock is held: %v, want Canceled", err)
	}
}
