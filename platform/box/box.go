package box

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Command is one run of a program.
type Command struct {
	Path           string   // of the program, absolute
	Args           []string // without the program's name
	Stdout, Stderr io.Writer
	Read           []string // files, and folders with all that is in them
	Write          []string // the same, to read, write, create and remove
	Limits         Limits
	Reads          *Reads // makes it wait for the content of a file; only where CanWait
}

// Limits are what a run may use. The kernel enforces them; 0 stands for no limit.
type Limits struct {
	CPU       time.Duration // rounded up to a whole second, plus one
	Memory    int64         // bytes of address space
	FileBytes int64         // of each file that it writes
}

// openFiles is how many files a program can have open at once.
const openFiles = 64

// Box runs programs. It is safe for concurrent use.
type Box struct {
	walls     []Wall
	namespace bool // a network namespace stands in for the filter of system calls
	waits     bool // for the content of a file
}

// Options are for tests.
type Options struct {
	Without []string // names of walls to leave out, so that each other wall is tested by itself
}

// New finds out which walls this system gives, by raising each once around a launcher. It fails if the launcher cannot
// be started.
//
// Where files have no wall, another process of the same user could read this one's environment and memory. There, New
// makes the whole process unreadable to others of its user, which also ends core dumps and debugging.
func New(ctx context.Context, o Options) (*Box, error) {
	b := &Box{}
	return b, b.try(ctx, o)
}

// Run runs c and returns the state in which it ended, which is nil if it has not started. If ctx ends first, Run kills
// the program and all that belongs to it. An *exec.ExitError is about the program; any other error means that it was
// not started, that writing to Stdout or Stderr failed, or that its reads could not be answered (ErrReads).
func (b *Box) Run(ctx context.Context, c Command) (*os.ProcessState, error) {
	reads, err := serveReads(ctx, c.Reads)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reads.close() }() // its error has been returned already
	cmd, status, err := b.prepare(ctx, b.specOf(c), reads.files())
	if err != nil {
		return nil, err
	}
	defer status.Close()
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	// With the death signal, the launcher dies when the thread ends that started it, not only with the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	report, err := start(cmd, status)
	if err != nil {
		return nil, err
	}
	err = cmd.Wait()
	if ctx.Err() == nil && report != "" {
		return cmd.ProcessState, fmt.Errorf("box: %s", report)
	}
	if failure := reads.close(); failure != nil {
		err = failure
	}
	return cmd.ProcessState, err
}

// prepare returns the command that starts the launcher, and the pipe on which it reports.
func (b *Box) prepare(ctx context.Context, s spec, files []*os.File) (*exec.Cmd, *os.File, error) {
	self, err := executable()
	if err != nil {
		return nil, nil, fmt.Errorf("box: find the launcher: %w", err)
	}
	argument, err := s.encode()
	if err != nil {
		return nil, nil, fmt.Errorf("box: describe the run: %w", err)
	}
	status, report, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("box: create a pipe: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, launcherFlag, argument)
	cmd.Env = []string{}
	if settings, ok := os.LookupEnv("GORACE"); ok { // of the race detector, with which a launcher ends a second later
		cmd.Env = append(cmd.Env, "GORACE="+settings)
	}
	cmd.Dir = "/"
	cmd.ExtraFiles = append([]*os.File{report}, files...)
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if b.namespace {
		isolate(cmd.SysProcAttr)
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd, status, nil
}

// start starts the launcher and waits until it has become the program or failed. In the latter case, report says why.
func start(cmd *exec.Cmd, status *os.File) (report string, err error) {
	err = cmd.Start()
	for _, file := range cmd.ExtraFiles[:1] {
		file.Close() // the launcher has its own copy
	}
	if err != nil {
		return "", fmt.Errorf("box: start the launcher: %w", err)
	}
	text, err := io.ReadAll(status)
	if err != nil {
		return "the launcher's report cannot be read: " + err.Error(), nil
	}
	report, ok := strings.CutPrefix(string(text), hello)
	if !ok {
		return "this executable is no launcher: box.Main must be its first call", nil
	}
	return report, nil
}

// specOf returns what the launcher must know of c.
func (b *Box) specOf(c Command) spec {
	return spec{
		Path: []byte(c.Path), Args: encoded(c.Args), Read: encoded(c.Read), Write: encoded(c.Write), Limits: c.Limits,
		Walls: b.raised(), Parent: os.Getpid(), Reads: c.Reads != nil,
	}
}

// raised returns the names of the walls that a launcher has to raise.
func (b *Box) raised() []string {
	var names []string
	for _, w := range b.walls {
		if w.Missing == "" {
			names = append(names, w.Name)
		}
	}
	return names
}

// Walls returns what stands around each run, and what is missing.
func (b *Box) Walls() []Wall { return slices.Clone(b.walls) }
