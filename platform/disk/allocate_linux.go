package disk

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// allocate allocates n bytes for the file without changing its size. The error wraps errors.ErrUnsupported if the file
// system cannot.
func allocate(f *os.File, n int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, n)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EINVAL):
			return fmt.Errorf("allocate: %w: %w", errors.ErrUnsupported, err)
		}
		return os.NewSyscallError("fallocate", err)
	}
}
