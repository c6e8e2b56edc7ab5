package scratch_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"risingstars/platform/scratch"
)

const (
	roleVar = "SCRATCH_TEST_ROLE"
	rootVar = "SCRATCH_TEST_ROOT"
)

// A role in the environment turns the test binary into one of the processes under test.
func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleVar); role {
	case "":
		os.Exit(m.Run())
	case "hold":
		err = hold(os.Getenv(rootVar))
	case "hold-with-child":
		err = holdWithChild(os.Getenv(rootVar))
	case "wait":
		_, err = io.Copy(io.Discard, os.Stdin)
	case "churn":
		err = churn(os.Getenv(rootVar))
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// hold opens an area with a file in it, prints its path and runs until its input ends.
func hold(root string) error {
	path, err := areaWithFile(root)
	if err != nil {
		return err
	}
	fmt.Println(path)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// holdWithChild is like hold, but has a child process, as a worker has an ffmpeg. The child runs until their common
// input ends.
func holdWithChild(root string) error {
	path, err := areaWithFile(root)
	if err != nil {
		return err
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), roleVar+"=wait")
	child.Stdin = os.Stdin
	if err := child.Start(); err != nil {
		return err
	}
	fmt.Println(path)
	return child.Wait()
}

// churn opens and leaves areas as fast as it can. It fails if a living one loses its files.
func churn(root string) error {
	for i := range 30 {
		a, err := scratch.Open(root)
		if err != nil {
			return err
		}
		f, err := a.File("part-")
		if err != nil {
			return fmt.Errorf("round %d: the area is gone: %w", i, err)
		}
		if _, err := os.Stat(f.Name()); err != nil {
			return fmt.Errorf("round %d: the file is gone: %w", i, err)
		}
		f.Close()
		if i%2 == 0 {
			if err := a.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

func areaWithFile(root string) (string, error) {
	a, err := scratch.Open(root)
	if err != nil {
		return "", err
	}
	dir, err := a.Dir("work-")
	if err != nil {
		return "", err
	}
	return filepath.Dir(dir), os.WriteFile(filepath.Join(dir, "frame"), []byte("x"), 0o600)
}

type process struct {
	*exec.Cmd
	area  string
	stdin io.Closer
}

func start(t *testing.T, role, root string) process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"="+role, rootVar+"="+root)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%s process printed nothing: %v", role, err)
	}
	p := process{Cmd: cmd, area: strings.TrimSpace(line), stdin: stdin}
	if !exists(t, p.area) {
		t.Fatalf("%s process has no area: %s", role, p.area)
	}
	return p
}

func (p process) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Process.Wait(); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, root string) *scratch.Area {
	t.Helper()
	a, err := scratch.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestNextOpenRemovesTheAreaOfAKilledProcess(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	living, dead := start(t, "hold", root), start(t, "hold", root)
	dead.kill(t)
	if !exists(t, dead.area) {
		t.Fatal("the killed process's area vanished without Open, so this test would prove nothing")
	}

	open(t, root)
	if exists(t, dead.area) {
		t.Error("the killed process's area is still there")
	}
	if !exists(t, living.area) {
		t.Error("the living process lost its area")
	}
}

func TestAChildOfAKilledProcessHoldsNoLock(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dead := start(t, "hold-with-child", root)
	dead.kill(t)

	open(t, root)
	if exists(t, dead.area) {
		t.Error("the surviving child still holds the killed process's area")
	}
}

func TestOpenKeepsOtherAreasOfTheSameProcess(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir, err := open(t, root).Dir("work-")
	if err != nil {
		t.Fatal(err)
	}
	open(t, root)
	if !exists(t, dir) {
		t.Error("a second Open removed the first one's folder")
	}
}

func TestProcessesThatStartAtOnceKeepTheirAreas(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), roleVar+"=churn", rootVar+"="+root)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()

	open(t, root)
	if areas, _ := filepath.Glob(filepath.Join(root, "scratch-*")); len(areas) != 1 {
		t.Errorf("%d areas are left, want only the open one", len(areas))
	}
}

func TestCloseRemovesEverythingAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	a := open(t, root)
	dir, err := a.Dir("work-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "frame"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := a.File("part-")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()

	for range 2 {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if area := filepath.Dir(dir); exists(t, area) {
		t.Errorf("%s is still there", area)
	}
	if _, err := a.File("part-"); err == nil {
		t.Error("a closed area still creates files")
	}
}

func TestForeignFilesInTheRootAreKept(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	foreign := filepath.Join(root, "scratch-pad", "notes")
	for _, name := range []string{"scratch-pad", "videos", "scratch-unlocked"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(foreign, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, root)
	if !exists(t, foreign) || !exists(t, filepath.Join(root, "videos")) {
		t.Error("a folder that is not an area was removed")
	}
	if exists(t, filepath.Join(root, "scratch-unlocked")) {
		t.Error("an area whose process died before it locked the file is still there")
	}
}
