package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// Why a run was ended. Wall time depends on others, too: a slow connection, a busy machine. A run that was at work for less
// than half of it has waited for them.
var (
	errOverWall = errors.New("over its wall time")
	errOverCPU  = errors.New("over its CPU time")
	errStarved  = errors.New("over its wall time, most of which it waited")
	// From inside: no more address space was to be had, which the program survives for some lines.
	errOverMemory = errors.New("over its memory")
	errOverOutput = errors.New("over the size of its output")
)

// command is one run of ffmpeg or ffprobe.
type command struct {
	step    string
	path    string
	args    []string
	stdout  io.Writer // read to its end before run returns; an error from it ends the run
	budget  budget
	network bool        // the input is a URL
	said    *tailWriter // what it writes to stderr; nil: nobody asks
}

// run executes c in its box. On failure it returns *ToolError; one of the errors above is inside it when c cost or waited too much.
// When ctx ends first the process group is killed and ctx's error comes back, wrapped.
func (p *Processor) run(ctx context.Context, c command) error {
	wall, cancel := context.WithTimeoutCause(ctx, c.budget.wall, errOverWall)
	defer cancel()

	cmd := exec.CommandContext(wall, c.path, c.args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C"}
	cmd.Dir = "/"
	cmd.Stdout = c.stdout
	tail := c.said
	if tail == nil {
		tail = &tailWriter{}
	}
	cmd.Stderr = tail
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithWorker(cmd.SysProcAttr)
	if !c.network && p.isolated {
		isolate(cmd.SysProcAttr)
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

	err := startAndWait(cmd, c.budget)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("ffmpeg %s stopped: %w", c.step, ctx.Err())
	}
	switch {
	case overCPU(cmd, c.budget):
		err = errors.Join(errOverCPU, err)
	case overOutput(cmd):
		err = errors.Join(errOverOutput, err)
	case wall.Err() != nil && cpuTime(cmd) < c.budget.wall/2:
		err = errors.Join(errStarved, err)
	case wall.Err() != nil:
		err = errors.Join(errOverWall, err)
	case tail.memory:
		err = errors.Join(errOverMemory, err)
	}
	return &ToolError{Step: c.step, Err: err, Stderr: tail.String()}
}

// startAndWait keeps its OS thread, because dieWithWorker goes by the thread and not by the process.
func startAndWait(cmd *exec.Cmd, b budget) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := b.apply(cmd.Process.Pid); err != nil && !errors.Is(err, syscall.ESRCH) {
		_ = cmd.Cancel()
		_ = cmd.Wait()
		return fmt.Errorf("set limits: %w", err)
	}
	return cmd.Wait()
}

// overCPU tells whether a run used up its CPU time, upon which the kernel kills it.
func overCPU(cmd *exec.Cmd, b budget) bool {
	s := cmd.ProcessState
	return s != nil && !s.Exited() && cpuTime(cmd) >= b.cpu
}

// overOutput tells whether the kernel ended a run for the size of a file that it wrote.
func overOutput(cmd *exec.Cmd) bool {
	if cmd.ProcessState == nil {
		return false
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGXFSZ
}

// cpuTime is what a run has used, 0 when it never started.
func cpuTime(cmd *exec.Cmd) time.Duration {
	s := cmd.ProcessState
	if s == nil {
		return 0
	}
	return s.UserTime() + s.SystemTime()
}

const stderrTail = 4 << 10

// tailWriter keeps the last bytes written to it, and whether there was ever a word about the network or about a lack of
// memory in them.
type tailWriter struct {
	buf             []byte
	network, memory bool
}

var (
	// A lost connection is told by the protocol, as in "[https @ 0x1] Stream ends prematurely", or with the URL.
	networkWords = []string{"[http", "[tls", "[tcp", "://"}
	// The C library's, x264's, and what fails for want of it without saying so: a decoded picture, the scaler, the encoder.
	memoryWords = []string{"llocate memory", "malloc of size", "get_buffer() failed", "initFilter failed", "while opening encoder"}
)

func (t *tailWriter) Write(b []byte) (int, error) {
	t.buf = append(t.buf, b...)
	said := func(word string) bool { return bytes.Contains(t.buf, []byte(word)) }
	t.network = t.network || slices.ContainsFunc(networkWords, said)
	t.memory = t.memory || slices.ContainsFunc(memoryWords, said)
	if over := len(t.buf) - stderrTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tailWriter) String() string { return string(t.buf) }
