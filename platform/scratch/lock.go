package scratch

import (
	"errors"
	"os"
	"syscall"
)

// The locks are flock(2): they belong to the open file, so two areas of one process exclude each other as well, and they end with the
// process because Go opens every file close-on-exec: an ffmpeg that survives its worker holds nothing.

func lock(f *os.File) error { return flock(f, syscall.LOCK_EX) }

func tryLock(f *os.File) (free bool, err error) {
	err = flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
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
