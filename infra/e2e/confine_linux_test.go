package e2e

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// confine puts this process, and all that it starts, behind the filter of system calls that systemd would install for a
// unit: asUnit has the names that SystemCallFilter leaves. The conditions are those of RestrictNamespaces,
// MemoryDenyWriteExecute and RestrictAddressFamilies in showcase.service, as systemd 252 sets them (seccomp-util.c).
func confine() {
	names := strings.Fields(os.Getenv(asUnit))
	if len(names) == 0 {
		return
	}
	if err := errors.Join(hideClone3(), filterCalls(names)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailure)
	}
}

// hideClone3 makes the C library use clone, whose flags a filter sees, as systemd does.
func hideClone3() error {
	const number = 0 // the offset in seccomp_data
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLONE3, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return errno
	}
	return nil
}

func filterCalls(names []string) error {
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	group := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	conditional := []string{"clone", "unshare", "setns", "mmap", "mprotect", "pkey_mprotect", "shmat", "socket"}
	for _, name := range names {
		if _, known := info.SyscallNames[name]; known && !slices.Contains(conditional, name) {
			group.Names = append(group.Names, name)
		}
	}
	allow := func(name string, conditions ...seccomp.Condition) {
		call := seccomp.NameWithConditions{Name: name, Conditions: conditions}
		group.NamesWithCondtions = append(group.NamesWithCondtions, call)
	}
	lacks := func(argument uint32, bits uint64) seccomp.Condition {
		return seccomp.Condition{Argument: argument, Operation: seccomp.BitsNotSet, Value: bits}
	}
	allow("clone", lacks(0, unix.CLONE_NEWNS|unix.CLONE_NEWCGROUP|unix.CLONE_NEWUTS|unix.CLONE_NEWIPC|
		unix.CLONE_NEWUSER|unix.CLONE_NEWPID|unix.CLONE_NEWNET))
	allow("mmap", lacks(2, unix.PROT_EXEC))
	allow("mmap", lacks(2, unix.PROT_WRITE))
	allow("mprotect", lacks(2, unix.PROT_EXEC))
	for _, family := range []uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6} {
		allow("socket", seccomp.Condition{Argument: 0, Operation: seccomp.Equal, Value: family})
	}
	return seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true, Flag: seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{DefaultAction: seccomp.ActionErrno, Syscalls: []seccomp.SyscallGroup{group}},
	})
}
