package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// asApp makes the test binary the app: what is tested end to end is the program itself, over HTTP and signals.
const asApp = "RISING_STARS_TEST_AS_APP"

// patience is how long a condition may take to come true on a busy machine before a test fails.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asApp) != "" {
		main()
	}
	code := m.Run()
	if dir := sharedDir.Load(); dir != nil {
		_ = os.RemoveAll(*dir)
	}
	os.Exit(code)
}

// site is one running `app serve` with a data folder of its own.
type site struct {
	URL     string
	DataDir string

	cmd    *exec.Cmd
	log    *logBuffer
	exited chan struct{} // closed when the process is gone
}

// startSite serves the embedded stage on a free port; env are NAME=value settings beside the defaults. The site is
// stopped when the test ends, and must stop cleanly.
func startSite(t *testing.T, env ...string) *site {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(sharedBumpers(t), filepath.Join(dir, "bumpers")); err != nil {
		t.Fatal(err)
	}
	s := &site{DataDir: dir}
	s.start(t, env...)
	return s
}

// start runs the app on the site's data folder, also again after it was stopped or killed.
func (s *site) start(t *testing.T, env ...string) {
	t.Helper()
	cmd := s.command(t, "serve")
	cmd.Env = append(cmd.Env, append([]string{"HTTP_ADDR=127.0.0.1:0", "LOG_FORMAT=json"}, env...)...)
	s.log = &logBuffer{}
	s.run(t, cmd)
}

func (s *site) run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.cmd, s.exited = cmd, make(chan struct{})
	log, exited := s.log, s.exited
	addresses := make(chan string, 1)
	go func() {
		defer close(exited)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			log.add(lines.Text())
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				addresses <- line.Address
			}
		}
		_ = cmd.Wait() // the test reads ProcessState
	}()
	t.Cleanup(func() {
		select {
		case <-exited:
		default:
			if code := s.stop(t); code != 0 {
				t.Errorf("the app exited with %d after SIGTERM", code)
			}
		}
		if t.Failed() {
			t.Logf("the app's log:\n%s", log)
		}
	})
	select {
	case address := <-addresses:
		s.URL = "http://" + address
	case <-exited:
		t.Fatalf("the app ended before it served:\n%s", log)
	case <-time.After(patience):
		t.Fatalf("the app does not serve:\n%s", log)
	}
}

// command prepares any command of the app on the site's data folder, without the developer's own settings.
func (s *site) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = []string{
		asApp + "=1", "ENV_FILE=", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(),
		"GORACE=" + os.Getenv("GORACE"), "DATA_DIR=" + s.DataDir,
	}
	cmd.Dir = s.DataDir // where no .env lies
	return cmd
}

// app runs a command of the app to its end and returns what it printed.
func (s *site) app(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return s.appWith(t, nil, args...)
}

// appWith is app with NAME=value settings.
func (s *site) appWith(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := s.command(t, args...)
	cmd.Env = append(cmd.Env, env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// stop asks the app to stop, waits for it and returns its exit code.
func (s *site) stop(t *testing.T) int {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	return s.wait(t)
}

// kill ends the app as a power cut would, and waits until it is gone.
func (s *site) kill(t *testing.T) {
	t.Helper()
	s.signal(t, syscall.SIGKILL)
	s.wait(t)
}

func (s *site) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

func (s *site) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-s.exited:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		t.Fatalf("the app does not stop:\n%s", s.log)
		return -1
	}
}

// files lists what storage holds, as paths below its root; scratch areas are not part of it.
func (s *site) files(t *testing.T) []string {
	t.Helper()
	root := filepath.Join(s.DataDir, "files")
	var found []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".scratch" {
			return filepath.SkipDir
		}
		if !entry.IsDir() {
			relative, err := filepath.Rel(root, path)
			found = append(found, relative)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	sharedDir  atomic.Pointer[string]
	sharedOnce sync.Mutex
)

// shared is a folder that lives as long as the test binary.
func shared(t *testing.T) string {
	t.Helper()
	sharedOnce.Lock()
	defer sharedOnce.Unlock()
	if sharedDir.Load() == nil {
		dir, err := os.MkdirTemp("", "rising-stars-test-")
		if err != nil {
			t.Fatal(err)
		}
		sharedDir.Store(&dir)
	}
	return *sharedDir.Load()
}

// sharedBumpers lets all sites share the rendered intros and outros, which every one of them would render alike.
func sharedBumpers(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(shared(t), "bumpers")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// logBuffer holds the lines that a process wrote.
type logBuffer struct {
	mu    sync.Mutex
	lines []string
}

func (b *logBuffer) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}
