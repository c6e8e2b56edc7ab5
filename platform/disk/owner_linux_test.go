package disk_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"risingstars/platform/disk"
)

func TestAFolderThatMayNotBeChangedIsNamedWithItsOwner(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := disk.CheckFolder(folder); err != nil {
		t.Errorf("of its own folder: %v", err)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{file, filepath.Join(folder, "nothing")} {
		if err := disk.CheckFolder(wrong); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("of %s: %v", wrong, err)
		}
	}
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	runtime.LockOSThread() // and this thread ends with the test
	if os.Geteuid() == 0 {
		// Root may write to every folder; this thread gives that up.
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&head, &none[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(folder, 0); err != nil {
		t.Fatal(err)
	}
	hidden := filepath.Join(folder, "deep", "file")
	if said := disk.Whose(hidden); !strings.HasPrefix(said, folder+" belongs to "+disk.UserName(os.Getuid())) {
		t.Errorf("of a file that is hidden: %s", said)
	}
	err := disk.CheckFolder(folder)
	if err == nil || !strings.Contains(err.Error(), folder+" belongs to "+disk.UserName(os.Getuid())) {
		t.Errorf("%v", err)
	}
}
