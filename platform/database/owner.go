package database

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"risingstars/platform/disk"
)

// errOfOthers says which file of an SQLite database this process may not write to, and whose it is: SQLite itself says
// "out of memory (14)". It returns nil if that is not the trouble.
func errOfOthers(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		file, err := os.OpenFile(path+suffix, os.O_RDWR, 0)
		if err == nil {
			_ = file.Close()
			continue
		}
		if info, statErr := os.Stat(path + suffix); statErr == nil && errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%s belongs to %s, and this process runs as %s and may not write to it; change its "+
				"owner with chown", path+suffix, disk.Owner(info), disk.UserName(os.Geteuid()))
		}
	}
	return nil
}
