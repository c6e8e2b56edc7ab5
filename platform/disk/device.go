package disk

import (
	"errors"
	"os"
	"syscall"
)

// Same reports whether two folders are on the same file system.
func Same(a, b string) (bool, error) {
	one, err := deviceOf(a)
	if err != nil {
		return false, err
	}
	other, err := deviceOf(b)
	return one == other, err
}

// deviceOf returns the number of the file system that holds path.
func deviceOf(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("the system does not say on which device the folder is")
	}
	return uint64(stat.Dev), nil //nolint:unconvert // the field's type differs between systems
}
