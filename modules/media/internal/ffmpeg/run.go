package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"risingstars/platform/box"
	"risingstars/platform/telemetry"
)

// The reasons for which a run is ended. Wall time also depends on others: a slow connection, a busy machine. A run that
// used less than half of it as CPU time has waited for them.
var (
	errOverWall = errors.New("over its wall time")
	errOverCPU  = errors.New("over its CPU time")
	errStarved  = errors.New("over its wall time, most of which it spent waiting")
	// Detected in the program's own messages: when it runs out of address space, it survives long enough to write some.
	errOverMemory = errors.New("over its memory")
	errOverOutput = errors.New("over the size of its output")
)

// command is one run of ffmpeg or ffprobe.
type command struct {
	step     string
	path     string
	args     []string
	read     []string  // files and folders that it may read
	write    []string  // files and folders that it may write
	stdout   io.Writer // gets everything before run returns; an error from it ends the run
	budget   budget
	original *original // the input, if it arrives while it is read

	spent *time.Duration // the CPU time of the run is added to it; may be nil
}

// run executes c in its box. On failure it returns *ToolError, which wraps one of the errors above when c cost or
// waited too much, and syscall.ENOSPC when a disk or a quota was full, even if the program exits with 0 then. When ctx
// ends first, it kills the process group and returns ctx's error, wrapped.
func (p *Processor) run(ctx context.Context, c command) error {
	ctx, span := telemetry.Start(ctx, telemetry.Internal, "ffmpeg "+c.step)
	defer span.End()
	wall, cancel := context.WithTimeoutCause(ctx, c.budget.wall, errOverWall)
	defer cancel()

	tail := &tailWriter{}
	state, err := p.box.Run(wall, box.Command{
		Path: c.path, Args: c.args, Stdout: c.stdout, Stderr: tail, Read: c.read, Write: c.write,
		Limits: box.Limits{CPU: c.budget.cpu, Memory: c.budget.memory, FileBytes: c.budget.outputBytes},
		Reads:  c.original.reads(),
	})
	p.metrics.observe(c.step, state)
	span.SetNumber("cpu_ms", cpuTime(state).Milliseconds())
	span.SetNumber("peak_memory_bytes", peakMemory(state))
	if c.spent != nil {
		*c.spent += cpuTime(state)
	}
	lost := c.original.err()
	if errors.Is(err, box.ErrReads) {
		lost = errOriginal
	}
	if err == nil && lost == nil && !tail.full {
		return nil
	}
	span.Fail("tool")
	if ctx.Err() != nil {
		return fmt.Errorf("ffmpeg %s stopped: %w", c.step, ctx.Err())
	}
	switch {
	case lost != nil: // however the run ended: ffmpeg takes what it cannot read for the end of the file
		err = errors.Join(lost, err)
	case tail.full:
		err = errors.Join(syscall.ENOSPC, err)
	case overCPU(state, c.budget):
		err = errors.Join(errOverCPU, err)
	case overOutput(state):
		err = errors.Join(errOverOutput, err)
	case wall.Err() != nil && cpuTime(state) < c.budget.wall/2:
		err = errors.Join(errStarved, err)
	case wall.Err() != nil:
		err = errors.Join(errOverWall, err)
	case tail.memory:
		err = errors.Join(errOverMemory, err)
	}
	return &ToolError{Step: c.step, Err: err, Stderr: tail.String()}
}

// overCPU reports whether the kernel killed a run because its CPU time was used up.
func overCPU(s *os.ProcessState, b budget) bool {
	return s != nil && !s.Exited() && cpuTime(s) >= b.cpu
}

// overOutput reports whether the kernel ended a run for the size of a file that it wrote.
func overOutput(s *os.ProcessState) bool {
	if s == nil {
		return false
	}
	status, ok := s.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGXFSZ
}

// cpuTime is what a run has used; 0 when it never started.
func cpuTime(s *os.ProcessState) time.Duration {
	if s == nil {
		return 0
	}
	return s.UserTime() + s.SystemTime()
}

const stderrTail = 4 << 10

// tailWriter keeps the last bytes written to it, and whether any of them was about a lack of memory or a full disk.
type tailWriter struct {
	buf          []byte
	memory, full bool
}

// memoryWords are the C library's and x264's words, and the failures of a decoded picture, the scaler and the encoder
// that lack of memory causes without being named.
var memoryWords = []string{
	"llocate memory", "malloc of size", "get_buffer() failed", "initFilter failed", "while opening encoder",
}

// fullWords are the C library's.
var fullWords = []string{": No space left on device", ": Disk quota exceeded"}

func (t *tailWriter) Write(b []byte) (int, error) {
	t.buf = append(t.buf, b...)
	has := func(word string) bool { return bytes.Contains(t.buf, []byte(word)) }
	t.memory = t.memory || slices.ContainsFunc(memoryWords, has)
	t.full = t.full || slices.ContainsFunc(fullWords, has)
	if over := len(t.buf) - stderrTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tailWriter) String() string { return string(t.buf) }
