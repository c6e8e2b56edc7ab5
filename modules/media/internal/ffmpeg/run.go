package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// errOverBudget is why a run ended when it used up its wall time, CPU time or memory.
var errOverBudget = errors.New("over its time or memory budget")

// command is one run of ffmpeg or ffprobe.
type command struct {
	step    string
	path    string
	args    []string
	stdout  io.Writer // read to its end before run returns; an error from it ends the run
	budget  budget
	network bool // the input is a URL
}

// run executes c in its box. On failure it returns *ToolError; errOverBudget is inside it when c was stopped for its cost.
// When ctx ends first the process group is killed and ctx's error comes back, wrapped.
func (p *Processor) run(ctx context.Context, c command) error {
	wall, cancel := context.WithTimeoutCause(ctx, c.budget.wall, errOverBudget)
	defer cancel()

	cmd := exec.CommandContext(wall, c.path, c.args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C"}
	cmd.Dir = "/"
	cmd.Stdout = c.stdout
	tail := &tailWriter{max: stderrTail}
	cmd.Stderr = tail
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
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
	if wall.Err() != nil || overBudget(cmd) {
		err = errors.Join(errOverBudget, err)
	}
	return &ToolError{Step: c.step, Err: err, Stderr: tail.String()}
}

// startAndWait keeps its OS thread: Pdeathsig fires when the *thread* that started the child ends, not the process.
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

// overBudget tells whether the kernel ended the process for its CPU time.
func overBudget(cmd *exec.Cmd) bool {
	if cmd.ProcessState == nil {
		return false
	}
	ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && (ws.Signal() == syscall.SIGXCPU || ws.Signal() == syscall.SIGKILL)
}

const stderrTail = 4 << 10

// tailWriter keeps the last max bytes written to it.
type tailWriter struct {
	max int
	buf []byte
}

func (t *tailWriter) Write(b []byte) (int, error) {
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - t.max; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tailWriter) String() string { return string(t.buf) }
