package diskstore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

const (
	roleVar  = "DISKSTORE_TEST_ROLE"
	rootVar  = "DISKSTORE_TEST_ROOT"
	crashKey = "uploads/clip.mp4"
)

// A role in the environment turns the test binary into one of the processes that the tests kill.
func TestMain(m *testing.M) {
	role := os.Getenv(roleVar)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := runRole(role, os.Getenv(rootVar)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func runRole(role, root string) error {
	store, err := diskstore.Open(diskstore.Options{Root: root, Secret: secret()})
	if err != nil {
		return err
	}
	b := storage.New(store, storage.Options{})
	switch role {
	case "upload": // prints "half" in the middle of an upload that never ends
		r := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), readerFunc(func([]byte) (int, error) {
			fmt.Println("half")
			_, err := io.Copy(io.Discard, os.Stdin)
			return 0, errors.Join(err, errors.New("the test is over"))
		}))
		_, err := b.Put(context.Background(), crashKey, r, storage.PutOptions{})
		return err
	case "overwrite": // puts version after version and prints each number
		for i := 1; ; i++ {
			content := bytes.NewReader(version(i))
			if _, err := b.Put(context.Background(), crashKey, content, storage.PutOptions{}); err != nil {
				return err
			}
			fmt.Println(i)
		}
	}
	return fmt.Errorf("unknown role %q", role)
}

// version is large enough that a kill can happen while it is being written.
func version(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 300_000+i) }

type process struct {
	*exec.Cmd
	out *bufio.Reader
}

func start(t *testing.T, role, root string) process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"="+role, rootVar+"="+root)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return process{cmd, bufio.NewReader(out)}
}

func (p process) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the process printed nothing: %v", err)
	}
	return strings.TrimSpace(line)
}

// kill sends SIGKILL and returns what the process had printed since the last line.
func (p process) kill(t *testing.T) string {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(p.out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Process.Wait(); err != nil {
		t.Fatal(err)
	}
	return string(rest)
}

func TestAKilledUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	living, dead := start(t, "upload", root), start(t, "upload", root)
	for _, p := range []process{living, dead} {
		if printed := p.line(t); printed != "half" {
			t.Fatalf("the process printed %q", printed)
		}
	}
	dead.kill(t)
	if left := inFlight(t, root); len(left) != 2 {
		t.Fatalf("%d uploads on the disk, want the killed one and the living one: %q", len(left), left)
	}

	b := bucket(t, open(t, root))
	if left := inFlight(t, root); len(left) != 1 {
		t.Errorf("%d uploads on the disk, want only the living one: %q", len(left), left)
	}
	if _, err := b.Stat(t.Context(), crashKey); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Stat: %v, want ErrNotFound", err)
	}
	fail := func(o storage.Object) error { return errors.New("lists " + o.Key) }
	if err := b.List(t.Context(), "", fail); err != nil {
		t.Error(err)
	}
}

func TestAKillBetweenVersionsLeavesOneWhole(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for round := range 6 {
		p := start(t, "overwrite", root)
		printed := ""
		for range 1 + round*2 {
			printed = p.line(t)
		}
		if rest := strings.Fields(p.kill(t)); len(rest) > 0 {
			printed = rest[len(rest)-1]
		}
		last, err := strconv.Atoi(printed)
		if err != nil {
			t.Fatalf("the process printed %q", printed)
		}

		r, _, err := bucket(t, open(t, root)).Open(t.Context(), crashKey)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		// The kill may have come after the rename and before the number was printed.
		if !bytes.Equal(got, version(last)) && !bytes.Equal(got, version(last+1)) {
			t.Errorf("round %d: %d bytes that are neither version %d nor the next", round, len(got), last)
		}
		if left := inFlight(t, root); len(left) != 0 {
			t.Errorf("round %d: left over: %q", round, left)
		}
	}
}
