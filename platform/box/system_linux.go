package box

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// executable returns this process's own executable, even if it has been replaced meanwhile.
func executable() (string, error) { return "/proc/self/exe", nil }

// try raises each wall around this process and returns which stand.
func (s spec) try() []Wall {
	walls := []Wall{{Name: Usage}, {Name: Files}, {Name: Calls}}
	failed := func(i int, err error) {
		if err != nil {
			walls[i].Missing = err.Error()
		}
	}
	if err := dropPrivileges(); err != nil {
		failed(1, err)
		failed(2, err)
		return walls
	}
	calls, err := newFilter(false)
	failed(2, err)
	failed(1, tryFiles())
	if err == nil {
		failed(2, calls.try())
	}
	return walls
}

// tryFiles forbids this process every file, and checks that the kernel does what it says.
func tryFiles() error {
	if err := landlocked(); err != nil {
		return err
	}
	if file, err := os.Open("/proc/self/status"); err == nil {
		file.Close()
		return fmt.Errorf("the kernel accepts Landlock's rules and does not enforce them")
	}
	return nil
}

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

// canIsolate reports whether isolate works here, after one try.
func canIsolate(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	b := &Box{namespace: true}
	cmd, status, err := b.prepare(ctx, spec{Try: true}, nil)
	if err != nil {
		return false
	}
	defer status.Close()
	_, err = start(cmd, status)
	if err == nil {
		err = cmd.Wait()
	}
	// A forbidden namespace fails at once. A machine that is too busy must not lose the isolation.
	return err == nil || ctx.Err() != nil
}

// hide makes this process's environment and memory unreadable to other processes of its user if the wall around files
// does not do so. The kernel then gives /proc/self to root, and so refuses the maps of a user namespace.
func (b *Box) hide() error {
	if b.missing(Files) == "" || b.missing(Files) == leftOut || b.namespace && os.Geteuid() != 0 {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("box: hide this process: %w", err)
	}
	return nil
}
