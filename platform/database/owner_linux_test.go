package database

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"risingstars/platform/disk"
)

// SQLite's own words for this are "out of memory (14)".
func TestAFileThatAnotherUserOwnsIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	for _, suffix := range []string{"", "-wal"} {
		if err := os.WriteFile(path+suffix, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errOfOthers(path); err != nil {
		t.Errorf("of its own files: %v", err)
	}
	if err := os.Chmod(path+"-wal", 0o400); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // and this thread ends with the test
	if os.Geteuid() == 0 {
		// Root may write to every file; this thread gives that up.
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&head, &none[0]); err != nil {
			t.Fatal(err)
		}
	}
	err := errOfOthers(path)
	if err == nil || !strings.Contains(err.Error(), "x.db-wal belongs to "+disk.UserName(os.Getuid())) {
		t.Errorf("%v", err)
	}
}
