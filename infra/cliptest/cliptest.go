// Package cliptest has ffmpeg make the clips of the tests, once for all packages and stages of a run. The environment
// variable TEST_CLIPS names the folder that they share; infra/setup/test.sh sets it.
package cliptest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"risingstars/platform/box"
)

const variable = "TEST_CLIPS"

// Run runs the tests of a package, as its TestMain, and returns the exit code. It is the launcher of their boxes, too.
// Without a shared folder the clips are in
// a folder of this package alone, which Run removes.
func Run(m *testing.M) int {
	box.Main()
	if os.Getenv(variable) == "" {
		dir, err := os.MkdirTemp("", "clips-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := os.Setenv(variable, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// Dir returns the folder of the clips.
func Dir() string { return os.Getenv(variable) }

// Bumpers returns the folder where all processors of the tests keep their rendered bumpers, because rendering is slow.
func Bumpers() string { return filepath.Join(Dir(), "bumpers") }

// Make returns the path of the file that ffmpeg writes with args; the extension of name determines the format. The file
// is shared: a test that changes it, or looks for processes that read it, needs a copy.
func Make(t testing.TB, name string, args ...string) string {
	t.Helper()
	version, err := ffmpegVersion()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	key := sha256.Sum256([]byte(strings.Join(append([]string{version, name}, args...), "\x00")))
	path := filepath.Join(Dir(), hex.EncodeToString(key[:8])+"-"+name)
	if err := once(path, args); err != nil {
		t.Fatalf("make %s: %v", name, err)
	}
	return path
}

var ffmpegVersion = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("ffmpeg", "-version").Output()
	return string(out), err
})

// made holds what once returns for each path.
var made sync.Map

// once encodes the clip at path unless this process has done so. Concurrent calls wait for the first.
func once(path string, args []string) error {
	encoding, _ := made.LoadOrStore(path, sync.OnceValue(func() error { return encode(path, args) }))
	return encoding.(func() error)()
}

// encode writes the clip unless another process has. The file appears whole or not at all.
func encode(path string, args []string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	dir, err := os.MkdirTemp(Dir(), "making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, filepath.Base(path))
	full := append(append([]string{"-nostdin", "-v", "error", "-y"}, args...), out)
	if text, err := exec.Command("ffmpeg", full...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\nffmpeg %s\n%s", err, strings.Join(full, " "), text)
	}
	return os.Rename(out, path)
}
