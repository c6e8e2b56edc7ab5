package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Owner names the user to whom a file belongs.
func Owner(info fs.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return UserName(int(stat.Uid))
	}
	return "another user"
}

// UserName returns the name of the user with an id, or its number.
func UserName(id int) string {
	if found, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return found.Username
	}
	return "user " + strconv.Itoa(id)
}

// Whose says to whom a file belongs, or the nearest folder above it that this process can see, and as whom it runs:
// what one needs to know when access is denied.
func Whose(path string) string {
	info, err := os.Stat(path)
	for err != nil && path != filepath.Dir(path) {
		path = filepath.Dir(path)
		info, err = os.Stat(path)
	}
	if err != nil {
		return "this process runs as " + UserName(os.Geteuid())
	}
	return fmt.Sprintf("%s belongs to %s, and this process runs as %s", path, Owner(info), UserName(os.Geteuid()))
}

// CheckFolder returns an error if this process may not read or change what is in a folder. It changes nothing.
func CheckFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	switch err := unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS); {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s and may not change it; run it as that user, or change the owner with chown", Whose(path))
	case err != nil:
		return &fs.PathError{Op: "access", Path: path, Err: err}
	}
	return nil
}
