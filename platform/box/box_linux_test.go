package box

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// intruderVariable names the intruder for tests that run as another user, who cannot build it.
const intruderVariable = "TEST_INTRUDER"

func TestMain(m *testing.M) {
	Main()
	code := m.Run()
	if path, err := intruder(); err == nil && os.Getenv(intruderVariable) == "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// intruder builds the program that attacks from inside. It is no race detector's build, which needs terabytes of
// address space.
var intruder = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(intruderVariable); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "intruder-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "intruder")
	build := exec.Command("go", "build", "-o", path, "./boxtest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	return path, os.Chmod(dir, 0o755)
})

func newBox(t *testing.T, without ...string) *Box {
	t.Helper()
	b, err := New(t.Context(), Options{Without: without})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// only returns a box with one wall around files, calls and network.
func only(t *testing.T, wall string) *Box {
	t.Helper()
	return newBox(t, slices.DeleteFunc([]string{Files, Calls, Network}, func(w string) bool { return w == wall })...)
}

// attack has the intruder make one attempt, with a folder of its own. It returns what it wrote, and how it ended.
func attack(t *testing.T, b *Box, dir string, limits Limits, attempt ...string) (string, *os.ProcessState) {
	t.Helper()
	path, err := intruder()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	state, err := b.Run(t.Context(), Command{
		Path: path, Args: attempt, Stdout: &out, Stderr: &out, Write: []string{dir}, Limits: limits,
	})
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%q did not run: %v", attempt, err)
	}
	return out.String(), state
}

const refused = 3 // the intruder's exit code

func TestAllWallsStandHere(t *testing.T) {
	t.Parallel()
	walls := newBox(t).Walls()
	if len(walls) != 4 {
		t.Errorf("%d walls", len(walls))
	}
	for _, w := range walls {
		if w.Missing != "" {
			t.Errorf("%s: %s", w.Name, w.Missing)
		}
	}
}

func TestProgramsWorkInTheBox(t *testing.T) {
	t.Parallel()
	b, dir := newBox(t), t.TempDir()
	inside := filepath.Join(dir, "x")
	for _, attempt := range [][]string{
		{"nothing"}, {"threads"}, {"write", inside}, {"read", inside}, {"output", inside, "1"}, {"remove", inside},
	} {
		if out, state := attack(t, b, dir, Limits{}, attempt...); state.ExitCode() != 0 {
			t.Errorf("%q: %v, %s", attempt, state, out)
		}
	}
}

// Each wall by itself refuses what it is there for. Without any of them the attempt succeeds, so the test can fail.
func TestEachWallRefusesByItself(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret.key")
	database := filepath.Join(outside, "showcase.db")
	for _, path := range []string{secret, database} {
		if err := os.WriteFile(path, []byte("TOPSECRET"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parent := strconv.Itoa(os.Getpid())
	tcp := listen(t, "tcp", "127.0.0.1:0")
	path := listen(t, "unix", filepath.Join(outside, "socket"))
	abstract := listen(t, "unix", "@box-test-"+parent)
	itself, err := intruder()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		attempt []string
		walls   []string
	}{
		{[]string{"read", secret}, []string{Files}},
		{[]string{"read", database}, []string{Files}},
		{[]string{"read", "/etc/passwd"}, []string{Files}},
		{[]string{"read", "/proc/self/maps"}, []string{Files}},
		{[]string{"write", secret}, []string{Files}},
		{[]string{"write", filepath.Join(outside, "new")}, []string{Files}},
		{[]string{"truncate", database}, []string{Files, Calls}},
		{[]string{"remove", filepath.Join(outside, "gone")}, []string{Files}},
		{[]string{"make folder", filepath.Join(dir, "folder")}, []string{Files, Calls}},
		{[]string{"dial", "tcp", tcp}, []string{Files, Calls, Network}},
		{[]string{"dial", "udp", tcp}, []string{Calls, Network}},
		{[]string{"dial", "unix", path}, []string{Calls}},
		{[]string{"dial", "unix", abstract}, []string{Files, Calls, Network}},
		{[]string{"socket", strconv.Itoa(unix.AF_NETLINK)}, []string{Calls}},
		{[]string{"fork"}, []string{Calls}},
		{[]string{"start", "/bin/true"}, []string{Files, Calls}},
		{[]string{"execute", "/bin/true"}, []string{Files, Calls}},
		{[]string{"execute", itself, "nothing"}, []string{Calls}},
		{[]string{"execute descriptor", itself, "40"}, []string{Calls}},
		{[]string{"kill", parent}, []string{Files, Calls}},
		{[]string{"limit", parent}, []string{Calls}},
		{[]string{"own signals", parent}, []string{Calls}},
	} {
		t.Run(strings.Join(c.attempt[:min(2, len(c.attempt))], " "), func(t *testing.T) {
			again := func() {
				if err := os.WriteFile(filepath.Join(outside, "gone"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				_ = os.Remove(filepath.Join(dir, "folder"))
			}
			again()
			for _, wall := range c.walls {
				if out, state := attack(t, only(t, wall), dir, Limits{}, c.attempt...); state.ExitCode() != refused {
					t.Errorf("%s alone: %v, %s", wall, state, out)
				}
			}
			if out, state := attack(t, newBox(t), dir, Limits{}, c.attempt...); state.ExitCode() != refused {
				t.Errorf("all walls: %v, %s", state, out)
			}
			none := newBox(t, Files, Calls, Network)
			if out, state := attack(t, none, dir, Limits{}, c.attempt...); !state.Success() {
				t.Errorf("without walls: %v, %s", state, out)
			}
		})
	}
}

func listen(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// The environment and the memory of the process that started the program stay its own, even if files have no wall.
func TestTheParentCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := (&Box{}).hide(); err != nil { // as New does where files have no wall
		t.Fatal(err)
	}
	for _, b := range []*Box{newBox(t), only(t, Files), only(t, Calls)} {
		for _, file := range []string{"environ", "mem", "maps"} {
			path := fmt.Sprintf("/proc/%d/%s", os.Getpid(), file)
			if out, state := attack(t, b, dir, Limits{}, "read", path); state.ExitCode() != refused {
				t.Errorf("%s with %v: %v, %s", file, b.raised(), state, out)
			}
		}
	}
}

// The kernel behind the filter looks like one that does not know these calls.
func TestSystemCallsThatNoProgramNeedsAreUnknown(t *testing.T) {
	t.Parallel()
	dir, calls := t.TempDir(), only(t, Calls)
	for _, name := range []string{
		"io_uring_setup", "ptrace", "bpf", "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd",
		"pidfd_send_signal", "perf_event_open", "userfaultfd", "keyctl", "add_key", "mount", "unshare", "setns",
		"chroot", "clone3", "execve", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "memfd_create", "shmget",
		"mlockall", "sched_setscheduler", "setpriority", "renameat2", "linkat", "symlinkat", "fchmodat", "fchownat",
		"mknodat", "setxattr", "truncate", "utimensat", "open_by_handle_at", "personality", "socketpair", "seccomp",
		"ioctl", "prctl", "fcntl",
	} {
		if out, state := attack(t, calls, dir, Limits{}, "call", name); state.ExitCode() != refused {
			t.Errorf("%s: %v, %s", name, state, out)
		}
	}
	if out, state := attack(t, only(t, Files), dir, Limits{}, "call", "shmget"); !state.Success() {
		t.Errorf("without the filter: %v, %s", state, out)
	}
}

func TestUsageIsLimited(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newBox(t, Files, Calls, Network) // the limits need none of these
	if out, state := attack(t, b, dir, Limits{Memory: 1 << 30}, "memory", "1024"); state.ExitCode() != refused {
		t.Errorf("memory: %v, %s", state, out)
	}
	if out, state := attack(t, b, dir, Limits{}, "open files", "/dev/null", "64"); state.ExitCode() != refused {
		t.Errorf("open files: %v, %s", state, out)
	}
	_, state := attack(t, b, dir, Limits{CPU: time.Second}, "processor")
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || status.Signal() != syscall.SIGKILL || state.UserTime()+state.SystemTime() > 10*time.Second {
		t.Errorf("processor: %v after %v", state, state.UserTime())
	}
	file := filepath.Join(dir, "output")
	_, state = attack(t, b, dir, Limits{FileBytes: 8 << 20}, "output", file, "64")
	if info, err := os.Stat(file); err != nil || info.Size() > 8<<20 || state.Success() {
		t.Errorf("output: %v, %v, %v", state, info, err)
	}
}

// A descriptor that this process has open for its children, by mistake, is not the program's; nor is any variable.
func TestNothingIsInherited(t *testing.T) {
	t.Setenv("SECRET_KEY", "TOPSECRET")
	fd, err := unix.Open("/etc/passwd", unix.O_RDONLY, 0) // not closed on execution
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	out, state := attack(t, newBox(t), t.TempDir(), Limits{}, "environment")
	if !state.Success() || out != "PATH=/usr/bin:/bin LANG=C\ndone\n" {
		t.Errorf("%v, %s", state, out)
	}
}

func TestTheEndOfTheContextEndsTheProgram(t *testing.T) {
	t.Parallel()
	path, err := intruder()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	state, err := newBox(t).Run(ctx, Command{
		Path: path, Args: []string{"processor"}, Stdout: onWrite(cancel), Limits: Limits{CPU: time.Minute},
	})
	if status, ok := state.Sys().(syscall.WaitStatus); err == nil || !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("%v, %v", state, err)
	}
}

// onWrite is called with whatever a program writes.
type onWrite func()

func (f onWrite) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

// What cannot be started is the box's failure and not the program's.
func TestAFailureBeforeTheProgramIsNotTheProgramsOwn(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/does/not/exist", "relative", empty} {
		_, err := newBox(t).Run(t.Context(), Command{Path: path})
		if exit := (*exec.ExitError)(nil); err == nil || errors.As(err, &exit) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A script is executed by its interpreter, and may execute what it wraps, inside the same walls.
func TestAWrapperExecutesItsProgramInTheBox(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wrapper := filepath.Join(dir, "wrapper")
	script := "#!/bin/sh\ncase $1 in read) read -r line </etc/passwd || exit 9 ;; esac\nexec /bin/echo \"$@\"\n"
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err := newBox(t).Run(t.Context(), Command{Path: wrapper, Args: []string{"a b"}, Stdout: &out})
	if err != nil || out.String() != "a b\n" {
		t.Errorf("%v, %q", err, out.String())
	}
	if _, err := newBox(t).Run(t.Context(), Command{Path: wrapper, Args: []string{"read"}}); err == nil {
		t.Error("the wrapper has read /etc/passwd")
	}
}

// The tests above run again as a user without any right.
func TestTheWallsNeedNoPrivileges(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the other tests show it, as they are not run by root")
	}
	path, err := intruder()
	if err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	folder, err := os.MkdirTemp("/tmp", "box-*") // the suite's own folder belongs to root alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chown(folder, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	// The second in a process of its own, because a hidden process cannot make user namespaces.
	for tests, one := range map[string]string{
		"Wall|Work|Calls|Usage|Inherited|Failure|Wrapper|Context|Reads": "TestEachWallRefusesByItself",
		"TestTheParentCannotBeRead":                                     "TestTheParentCannotBeRead",
	} {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.run", tests)
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), intruderVariable+"="+path, "HOME=/", "TMPDIR="+folder)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: "+one)) {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// A name that the library spells otherwise for one processor would be left out there without a word.
func TestNoProcessorLacksACallThatEveryProgramMakes(t *testing.T) {
	t.Parallel()
	for name, stat := range map[string]string{"amd64": "newfstatat", "arm64": "fstatat"} {
		info, err := arch.GetInfo(name)
		if err != nil {
			t.Fatal(err)
		}
		group := allowed(info, 1, false)
		names := group.Names
		for _, call := range group.NamesWithCondtions {
			names = append(names, call.Name)
		}
		for _, call := range []string{
			stat, "read", "write", "openat", "close", "lseek", "fstat", "mmap", "munmap", "mprotect", "brk", "futex",
			"clone", "execveat", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "set_robust_list", "set_tid_address",
			"rseq", "prlimit64", "getrandom", "sched_getaffinity", "exit", "exit_group", "ftruncate",
			"getdents64", "ppoll",
		} {
			if !slices.Contains(names, call) {
				t.Errorf("%s: %s is not allowed", name, call)
			}
		}
	}
}
