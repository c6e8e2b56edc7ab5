package scratch

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// The locks are those of flock(2). They belong to the open file, so two areas of one process exclude each other as
// well. They end with the process, because Go opens every file close-on-exec: an ffmpeg that survives its worker holds
// no lock.

// retryInterval is how often Lock and LockShared try again while the lock is held.
const retryInterval = 15 * time.Millisecond

// Lock locks the file or folder f exclusively until f is closed. While others hold a lock, it waits, until ctx ends.
func Lock(ctx context.Context, f *os.File) error { return waitLock(ctx, f, syscall.LOCK_EX) }

// LockShared is like Lock, but several files can hold a shared lock at once.
func LockShared(ctx context.Context, f *os.File) error { return waitLock(ctx, f, syscall.LOCK_SH) }

// waitLock tries repeatedly, because the end of ctx would not interrupt a flock(2) that blocks.
func waitLock(ctx context.Context, f *os.File, how int) error {
	for {
		if locked, err := tryLock(f, how); err != nil || locked {
			return err
		}
		select {
		case <-time.After(retryInterval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TryLock locks the file or folder f exclusively until f is closed. It reports false if others hold a lock.
func TryLock(f *os.File) (bool, error) { return tryLock(f, syscall.LOCK_EX) }

func tryLock(f *os.File, how int) (locked bool, err error) {
	err = flock(f, how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("flock", err)
		}
	}
}
