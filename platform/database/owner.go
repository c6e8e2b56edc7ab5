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
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%s and may not write to it; run it as that user, or change the owner with chown",
				disk.Whose(path+suffix))
		}
	}
	return nil
}
