package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// makeClip lets ffmpeg write a clip and returns its path. Tests that pass the same arguments share one clip. The
// extension of its name decides the format.
func makeClip(t *testing.T, name string, args ...string) string {
	t.Helper()
	dir := clipsDir(t)
	digest := sha256.Sum256([]byte(strings.Join(args, "\x00")))
	name = hex.EncodeToString(digest[:8]) + "-" + name
	path := filepath.Join(dir, name)
	clipsMutex.Lock()
	defer clipsMutex.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	// Another stage's test binary may be writing the same clip at this moment.
	unfinished := filepath.Join(dir, strconv.Itoa(os.Getpid())+"-"+name)
	args = append(append([]string{"-v", "error", "-y"}, args...), unfinished)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	if err := os.Rename(unfinished, path); err != nil {
		t.Fatal(err)
	}
	return path
}

var clipsMutex sync.Mutex

// clipsDir returns the folder of clips that all packages and stages of a run share, or else one of this test binary
// alone.
func clipsDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("TEST_CLIPS"); dir != "" {
		return dir
	}
	return sharedFolder(t)
}

// shortClip returns the cheapest realistic clip: two seconds with sound.
func shortClip(t *testing.T) string {
	t.Helper()
	return makeClip(t, "short.mp4",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440",
		"-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
}

// tinyClip returns the clip that costs a worker the least: one second without sound.
func tinyClip(t *testing.T) string {
	t.Helper()
	return makeClip(t, "tiny.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15", "-t", "1",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
}
