package diskstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"risingstars/platform/storage"
)

// /dev/shm is a second file system on every Linux. Elsewhere, PutFileByCopy of the conformance suite covers the copy.
func TestAFileOnAnotherFileSystemIsCopied(t *testing.T) {
	t.Parallel()
	other, err := os.MkdirTemp("/dev/shm", "diskstore-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(other) })
	file := filepath.Join(other, "out.mp4")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	b := bucket(t, open(t, root))
	if _, err := b.PutFile(t.Context(), "processed/a.mp4", file, storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(root, "processed", "a.mp4")); err != nil || string(content) != "x" {
		t.Errorf("the object reads %q (%v)", content, err)
	}
	if left := inFlight(t, root); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
}
