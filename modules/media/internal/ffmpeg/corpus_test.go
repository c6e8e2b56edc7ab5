package ffmpeg

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

	"risingstars/assets"
)

// skipIfShort leaves a test to the full run.
func skipIfShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("not among the quick tests")
	}
}

// tone is a source of sound for clips.
const tone = "sine=frequency=440:sample_rate=48000"

// corpus is the folder of the clips and bumpers that all tests of a run share. TEST_CLIPS names it, and then the
// packages of one run share it, too; without that variable this package creates a folder of its own.
var corpus string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	if corpus = os.Getenv("TEST_CLIPS"); corpus == "" {
		dir, err := os.MkdirTemp("", "clips-*")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		corpus = dir
	}
	return m.Run()
}

// sharedProcessor has no options of its own. Most tests use it, because a Processor is safe for concurrent use.
var sharedProcessor = sync.OnceValues(func() (*Processor, error) {
	return New(Options{CacheDir: filepath.Join(corpus, "bumpers"), Branding: assets.Branding()})
})

// newProcessor returns a Processor with special options, or the shared one for none. Bumpers are slow to render, so all
// processors without a CacheDir of their own share them, and render one at a time.
func newProcessor(t testing.TB, o Options) *Processor {
	t.Helper()
	shared, err := sharedProcessor()
	if err != nil {
		t.Fatal(err)
	}
	special := o.FFmpeg != "" || o.FFprobe != "" || o.CAFile != "" || o.CacheDir != "" || o.Limits != (Limits{})
	if !special {
		return shared
	}
	if o.Branding == nil {
		o.Branding = assets.Branding()
	}
	ownCache := o.CacheDir != ""
	o.CacheDir = or(o.CacheDir, shared.cacheDir)
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if !ownCache {
		p.filling = shared.filling
	}
	return p
}

// makeClip returns the file that ffmpeg writes with args, which is created once for all tests; the extension of name
// determines the format. The file is shared: a test that changes it, or looks for processes that read it, needs a copy.
func makeClip(t testing.TB, name string, args ...string) string {
	t.Helper()
	version, err := ffmpegVersion()
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256([]byte(strings.Join(append([]string{version, name}, args...), "\x00")))
	path := filepath.Join(corpus, hex.EncodeToString(key[:8])+"-"+name)
	if err := once(path, func() error { return encodeClip(path, args) }); err != nil {
		t.Fatalf("make %s: %v", name, err)
	}
	return path
}

// lavfi is the argument list for one generated input.
func lavfi(source string) []string { return []string{"-f", "lavfi", "-i", source} }

// x264 is the argument list for a clip in H.264 that is quick to encode.
func x264(more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}, more...)
}

var ffmpegVersion = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("ffmpeg", "-version").Output()
	return string(out), err
})

var making struct {
	sync.Mutex
	files map[string]func() error
}

// once runs fill unless this process has done so for path. Concurrent calls wait for the first.
func once(path string, fill func() error) error {
	making.Lock()
	if making.files == nil {
		making.files = map[string]func() error{}
	}
	f, ok := making.files[path]
	if !ok {
		f = sync.OnceValue(fill)
		making.files[path] = f
	}
	making.Unlock()
	return f()
}

// encodeClip writes path unless another process has. The file appears whole or not at all.
func encodeClip(path string, args []string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	dir, err := os.MkdirTemp(corpus, "making-*")
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

// readClip is makeClip for tests that change the content.
func readClip(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(makeClip(t, name, args...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func jobFor(t testing.TB, file string) Job {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, SniffLen)
	n, _ := f.Read(head)
	c, ok := Sniff(head[:n])
	if !ok {
		t.Fatalf("%s is not recognised as a video", file)
	}
	return Job{Input: file, Container: c, Dir: t.TempDir()}
}
