package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"

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
	if err := filterCalls(names); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailure)
	}
}

func filterCalls(names []string) error {
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	group := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	conditional := []string{"clone", "clone3", "unshare", "setns", "mmap", "mprotect", "pkey_mprotect", "shmat", "socket"}
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
