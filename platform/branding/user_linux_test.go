package branding

import (
	"image/color"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// The service is not root, and whoever made the folder may be.
func TestFilesThatTheUserMayNotReadAreExplained(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, map[string]string{"watermark.png": picture(t, 4, 2, color.White), "intro.mp4": "x"})
	closed := filepath.Join(dir, "watermark.png")
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	for path := filepath.Dir(dir); path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "intro.mp4"), 0o644); err != nil {
		t.Fatal(err)
	}
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with this goroutine, and with it the other user
		if os.Getuid() == 0 {
			const nobody = 65534
			_ = syscall.Setfsuid(nobody)
		}
		_, _, err = Read(dir)
	}()
	<-done
	if err == nil || !strings.Contains(err.Error(), "watermark.png: cannot be read by the service's user") ||
		strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("it says %v", err)
	}
}
