package scratch

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// The locks are flock(2): they belong to the open file, so two areas of one process exclude each other as well, and they end with the
// process because Go opens every file close-on-exec: an ffmpeg that survives its worker holds nothing.

// retryEvery is how often Lock and LockShared ask for a lock that somebody holds.
const retryEvery = 15 * time.Millisecond

// Lock locks f, a file or a folder, against everyone else until f is closed. It waits for those who hold a lock, as long as ctx lives.
func Lock(ctx context.Context, f *os.File) error { return wait(ctx, f, syscall.LOCK_EX) }

// LockShared is Lock against those who use Lock only.
func LockShared(ctx context.Context, f *os.File) error { return wait(ctx, f, syscall.LOCK_SH) }

// wait asks again and again, because nothing wakes a flock(2) that blocks.
func wait(ctx context.Context, f *os.File, how int) error {
	for {
		if free, err := try(f, how); err != nil || free {
			return err
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func try(f *os.File, how int) (free bool, err error) {
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
