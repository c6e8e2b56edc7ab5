package ffmpeg

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Walls of the box around a run that only Linux has. box_other.go says what is missing elsewhere.

// capped reports whether the kernel holds a run to its budget of CPU time, memory and file size.
const capped = true

// dieWithWorker has the kernel kill the child when the thread that started it ends, and so when the worker is killed.
func dieWithWorker(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// isolate puts a child into a network namespace of its own, in which not even the loopback is up. Without root that
// needs a user namespace around it, in which the child keeps our own user.
func isolate(a *syscall.SysProcAttr) {
	a.Cloneflags |= syscall.CLONE_NEWNET
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
}

// canIsolate reports whether isolate works here, by trying it once. Containers often forbid namespaces, which leaves
// the protocol list alone.
func canIsolate(ffmpeg string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, ffmpeg, "-version")
	cmd.Env = []string{"LANG=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	isolate(cmd.SysProcAttr)
	err := cmd.Run()
	// A forbidden namespace fails at once. A machine too busy to print the version in time must not cost the isolation.
	return err == nil || ctx.Err() != nil
}

// apply sets the kernel's caps on a running process. The moment between its start and this call is not covered, which
// is harmless: every cap counts from the start of the process or is checked on the next allocation.
func (b budget) apply(pid int) error {
	secs := uint64(b.cpu.Seconds()) + 1
	for res, v := range map[int]uint64{
		// Soft and hard limit alike: ffmpeg would catch the SIGXCPU of a lower soft limit and exit as if all were well.
		unix.RLIMIT_CPU: secs, unix.RLIMIT_AS: uint64(b.memory), unix.RLIMIT_FSIZE: uint64(b.outputBytes),
		unix.RLIMIT_NOFILE: 64, unix.RLIMIT_CORE: 0,
	} {
		if err := unix.Prlimit(pid, res, &unix.Rlimit{Cur: v, Max: v}, nil); err != nil {
			return err
		}
	}
	// When the machine or the container runs out of memory, the kernel should kill this child and not the worker.
	// Without /proc nothing changes.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0)
	return nil
}
