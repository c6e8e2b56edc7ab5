package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
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
		return fmt.Errorf("%s belongs to %s, and this process runs as %s and may not change it; change its owner with "+
			"chown", path, Owner(info), UserName(os.Geteuid()))
	case err != nil:
		return &fs.PathError{Op: "access", Path: path, Err: err}
	}
	return nil
}
