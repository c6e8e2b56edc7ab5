// Package disktest gives a test a small file system of its own, which it may fill.
package disktest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// inNamespace is the environment variable of a test that runs again in namespaces of its own.
const inNamespace = "RISING_STARS_TEST_IN_NAMESPACE"

// Mount returns the folder of a new, empty file system of size bytes in memory. It is gone when the test ends, and
// everything that uses it must then have ended. Only root may mount: for other users the whole test runs again in a
// user namespace, in which it is root, and its result is that of this test. Where neither is allowed, the test fails.
// Systems other than Linux cannot do it, and the test is skipped.
func Mount(t *testing.T, size int64) string {
	t.Helper()
	dir := t.TempDir()
	err := mount(dir, size)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		t.Skip("only on Linux can a test mount a file system of its own")
	case errors.Is(err, syscall.EPERM) && os.Getenv(inNamespace) == "":
		runInNamespace(t)
	case err != nil:
		t.Fatalf("mount a file system of its own for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// runInNamespace runs the test in a child process and ends it here with the same result.
func runInNamespace(t *testing.T) {
	t.Helper()
	top, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.CommandContext(t.Context(), os.Args[0],
		"-test.run=^"+regexp.QuoteMeta(top)+"$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	ownNamespaces(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a user namespace, because only root may mount a file system: %v\n%s", err, out)
	}
	t.Skipf("passed in a user namespace, because only root may mount a file system:\n%s", out)
}

// Fill writes a file of n bytes into dir, or as many as fit if n is negative, and returns its path.
func Fill(t *testing.T, dir string, n int64) string {
	t.Helper()
	f, err := os.CreateTemp(dir, "filler-")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for written := int64(0); n < 0 || written < n; {
		if n >= 0 && n-written < int64(len(block)) {
			block = block[:n-written]
		}
		w, err := f.Write(block)
		written += int64(w)
		if n < 0 && errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatalf("fill the disk: %v", err)
		}
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// FillTo writes a file into dir that leaves free bytes of its volume.
func FillTo(t *testing.T, dir string, free int64) string {
	t.Helper()
	n := Free(t, dir) - free
	if n < 0 {
		t.Fatalf("only %d bytes are free, want %d", n+free, free)
	}
	return Fill(t, dir, n)
}

// Free returns how many bytes of dir's volume are free.
func Free(t *testing.T, dir string) int64 {
	t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		t.Fatal(err)
	}
	return int64(stat.Bavail) * int64(stat.Bsize) //nolint:unconvert // the fields' types differ between systems
}

// Files lists the regular files below dir, without the folders' names.
func Files(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, entry.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(fmt.Errorf("list %s: %w", dir, err))
	}
	return files
}
