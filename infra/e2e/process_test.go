package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// process is one running `app serve` or `app work`.
type process struct {
	URL string // on which it serves

	cmd    *exec.Cmd
	log    *logBuffer
	exited chan struct{} // closed when the process has exited

	addresses chan string // the first one on which it serves

	stopping bool // it was sent a signal
}

// startProcess returns when the process logs that it serves. It is stopped when the test ends, and must stop cleanly.
func startProcess(t *testing.T, cmd *exec.Cmd, log *logBuffer) *process {
	t.Helper()
	p := launchProcess(t, cmd, log)
	p.awaitReady(t)
	return p
}

// launchProcess is startProcess without the wait.
func launchProcess(t *testing.T, cmd *exec.Cmd, log *logBuffer) *process {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, log: log, exited: make(chan struct{}), addresses: make(chan string, 1)}
	go func() {
		defer close(p.exited)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			log.add(lines.Text())
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				select {
				case p.addresses <- line.Address:
				default: // METRICS_ADDR follows
				}
			}
		}
		_ = cmd.Wait() // the test reads ProcessState
	}()
	t.Cleanup(func() {
		if p.isRunning() {
			if !p.stopping { // a second signal would make it exit at once
				p.signal(t, syscall.SIGTERM)
			}
			if code := p.wait(t); code != 0 {
				t.Errorf("the app exited with %d after SIGTERM", code)
			}
		}
		checkLog(t, log)
		if t.Failed() {
			t.Logf("the app's log:\n%s", log)
		}
	})
	return p
}

// awaitReady returns when the process serves.
func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case address := <-p.addresses:
		p.URL = "http://" + address
	case <-p.exited:
		t.Fatalf("the app exited before it served:\n%s", p.log)
	case <-time.After(waitTimeout):
		t.Fatalf("the app does not serve:\n%s", p.log)
	}
}

// role returns the command that the process runs: serve or work.
func (p *process) role() string { return p.cmd.Args[1] }

func (p *process) isRunning() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *process) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	p.stopping = true
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(waitTimeout):
		_ = p.cmd.Process.Kill()
		t.Fatalf("the app does not stop:\n%s", p.log)
		return -1
	}
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	p.wait(t)
}
