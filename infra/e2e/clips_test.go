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

// makeClip has ffmpeg write a clip, once for all tests that ask for the same arguments, and returns its path. Its name
// decides the format.
func makeClip(t *testing.T, name string, args ...string) string {
	t.Helper()
	dir := clipsDir(t)
	digest := sha256.Sum256([]byte(strings.Join(args, "\x00")))
	name = hex.EncodeToString(digest[:8]) + "-" + name
	path := filepath.Join(dir, name)
	clipsOnce.Lock()
	defer clipsOnce.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	// Other stages may be writing the same clip at this moment.
	unfinished := filepath.Join(dir, strconv.Itoa(os.Getpid())+"-"+name)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-v", "error", "-y"}, args...), unfinished)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	if err := os.Rename(unfinished, path); err != nil {
		t.Fatal(err)
	}
	return path
}

var clipsOnce sync.Mutex

// clipsDir is the folder of clips that all packages and stages of a run share, or one of this test binary alone.
func clipsDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("TEST_CLIPS"); dir != "" {
		return dir
	}
	return shared(t)
}

// shortClip is the cheapest clip that is a real one: two seconds with sound.
func shortClip(t *testing.T) string {
	t.Helper()
	return makeClip(t, "short.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440",
		"-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
}

// tinyClip costs a worker as little as a clip can: one second without sound.
func tinyClip(t *testing.T) string {
	t.Helper()
	return makeClip(t, "tiny.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15", "-t", "1",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
}
