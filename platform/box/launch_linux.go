package box

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// programFile is the descriptor from which the program is executed. The filter of system calls allows an execution from
// this descriptor only, which ends with it; and no later one can have its number, because it is above openFiles.
const programFile = openFiles + 1

// launch raises the walls and becomes the program. It returns only if that fails.
func (s spec) launch() error {
	if err := dieWith(s.Parent); err != nil {
		return err
	}
	if err := closeOnExec(); err != nil {
		return err
	}
	p, err := s.program()
	if err != nil {
		return err
	}
	var calls *filter
	if s.raises(Calls) {
		if calls, err = newFilter(p.wrapper); err != nil {
			return err
		}
	}
	protectParent()
	if err := dropPrivileges(); err != nil {
		return err
	}
	// Whatever needs more rights than the program may have comes before the walls, here.
	if s.raises(Files) {
		if err := s.restrictFiles(p); err != nil {
			return err
		}
	}
	if s.Reads {
		if err := stopReads(firstFile); err != nil {
			return err
		}
	}
	// From here on, nothing may allocate: the limit of memory is for the program, and is below what a launcher has.
	if err := s.Limits.set(); err != nil {
		return err
	}
	if calls != nil {
		if err := calls.install(); err != nil {
			return err
		}
	}
	return p.exec()
}

func (s spec) raises(wall string) bool { return slices.Contains(s.Walls, wall) }

// dieWith has the kernel end this process when parent ends.
func dieWith(parent int) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("set the death signal: %w", err)
	}
	if os.Getppid() != parent {
		return errors.New("the process that started this one has ended")
	}
	return nil
}

// closeOnExec leaves the program only its standard descriptors, whatever this process has inherited.
func closeOnExec() error {
	if unix.CloseRange(statusFile, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	open, err := os.ReadDir("/proc/self/fd") // before Linux 5.11
	if err != nil {
		return fmt.Errorf("list open files: %w", err)
	}
	for _, entry := range open {
		var fd int
		if _, err := fmt.Sscan(entry.Name(), &fd); err == nil && fd >= statusFile {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// protectParent has the kernel kill this process, not the one that started it, when memory runs out. Without /proc
// nothing changes.
func protectParent() { _ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) }

// dropPrivileges makes sure that no later execution gains rights, and gives up those of root but one: the files of a
// clip may belong to another user.
func dropPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("renounce new privileges: %w", err)
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&head, &have[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	const kept = 1 << unix.CAP_DAC_OVERRIDE
	some := have[0].Permitted & kept
	left := [2]unix.CapUserData{{Effective: some, Permitted: some}}
	if err := unix.Capset(&head, &left[0]); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}

// lockedMemory is how many bytes a program may lock: enough for libgcrypt, which warns if it cannot.
const lockedMemory = 64 << 10

// set limits this process. Soft and hard limits are alike: ffmpeg would catch the SIGXCPU of a lower soft limit and
// exit as if all were well.
func (l Limits) set() error {
	limits := []struct {
		resource int
		value    uint64
		set      bool
	}{
		{unix.RLIMIT_CPU, uint64(l.CPU.Seconds()) + 1, l.CPU > 0},
		{unix.RLIMIT_FSIZE, uint64(l.FileBytes), l.FileBytes > 0},
		{unix.RLIMIT_CORE, 0, true},
		{unix.RLIMIT_MEMLOCK, lockedMemory, true},
		{unix.RLIMIT_NOFILE, openFiles, true},
		{unix.RLIMIT_AS, uint64(l.Memory), l.Memory > 0},
	}
	for _, limit := range limits {
		if !limit.set {
			continue
		}
		if err := syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: limit.value, Max: limit.value}); err != nil {
			return fmt.Errorf("set limit %d: %w", limit.resource, err)
		}
	}
	return nil
}

// program is an open executable with its arguments, ready to be executed without another allocation.
type program struct {
	path    string
	wrapper bool // a script: its interpreter executes the program itself
	rawPath *byte
	args    []*byte
	env     []*byte
}

// program opens the program on programFile.
func (s spec) program() (*program, error) {
	p := &program{path: string(s.Path)}
	if !filepath.IsAbs(p.path) {
		return nil, fmt.Errorf("%q is not an absolute path", p.path)
	}
	file, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	head := make([]byte, 2)
	_, _ = file.Read(head) // what is shorter cannot be executed
	p.wrapper = bytes.Equal(head, []byte("#!"))
	if err := unix.Dup3(int(file.Fd()), programFile, unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("keep %s open: %w", p.path, err)
	}
	args := append([]string{p.path}, decoded(s.Args)...)
	if p.args, err = syscall.SlicePtrFromStrings(args); err != nil {
		return nil, fmt.Errorf("prepare the arguments: %w", err)
	}
	if p.env, err = syscall.SlicePtrFromStrings([]string{"PATH=/usr/bin:/bin", "LANG=C"}); err != nil {
		return nil, fmt.Errorf("prepare the environment: %w", err)
	}
	name := "" // the descriptor is the program
	if p.wrapper {
		name = p.path
	}
	p.rawPath, err = syscall.BytePtrFromString(name)
	return p, err
}

// exec becomes the program.
func (p *program) exec() error {
	const emptyPath = unix.AT_EMPTY_PATH
	for {
		var errno syscall.Errno
		if p.wrapper {
			_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(p.rawPath)),
				uintptr(unsafe.Pointer(&p.args[0])), uintptr(unsafe.Pointer(&p.env[0])))
		} else {
			_, _, errno = syscall.RawSyscall6(unix.SYS_EXECVEAT, programFile, uintptr(unsafe.Pointer(p.rawPath)),
				uintptr(unsafe.Pointer(&p.args[0])), uintptr(unsafe.Pointer(&p.env[0])), emptyPath, 0)
		}
		// EAGAIN: another thread of this process was just being created.
		if errno != syscall.EAGAIN {
			return fmt.Errorf("execute %s: %w", p.path, errno)
		}
	}
}
