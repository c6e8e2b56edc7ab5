package box

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// filter is a compiled filter of system calls.
type filter struct{ program []bpf.RawInstruction }

// anyArguments are the system calls that a program in the box may make with any arguments: on its own memory, threads,
// signals, clocks and open files. Every other call but those of someArguments fails as it would on a kernel that does
// not know it, so that the C library uses an older one. Names that a processor does not have are left out; newfstatat
// and fstatat are one call.
//
// Not among them, by group: sockets; io_uring; new processes; other processes (ptrace, process_vm_*, pidfd_*, signals);
// the kernel itself (bpf, perf, userfaultfd, keys, mounts, namespaces, modules); memory that no limit counts (System V,
// memfd); and what ffmpeg does not need of files: new folders, links, renaming, owners, modes, attributes.
func anyArguments() []string {
	return []string{
		// Frequent ones first.
		"read", "write", "futex", "madvise", "mmap", "munmap", "mprotect", "lseek", "pread64", "pwrite64",
		"readv", "writev", "preadv", "pwritev", "mlock", "munlock", "mremap", "brk", "msync", "mincore", "membarrier",
		"close", "close_range", "dup", "dup2", "dup3", "pipe", "pipe2", "eventfd2", "flock",
		"poll", "ppoll", "select", "pselect6",
		"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
		"stat", "lstat", "fstat", "newfstatat", "fstatat", "statx", "statfs", "fstatfs",
		"access", "faccessat", "faccessat2",
		"readlink", "readlinkat", "getcwd", "getdents64",
		"ftruncate", "fallocate", "fadvise64", "readahead", "fsync", "fdatasync", "sync_file_range", "unlink",
		"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait",
		"sigaltstack", "restart_syscall", "pause",
		"set_robust_list", "get_robust_list", "rseq", "set_tid_address", "arch_prctl", "exit", "exit_group",
		"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "getcpu",
		"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getpgrp", "getpgid",
		"getsid", "getresuid", "getresgid", "uname", "sysinfo", "getrusage", "getrlimit", "umask", "getrandom",
		"sched_yield", "sched_getaffinity", "sched_getscheduler", "sched_getparam",
		"sched_get_priority_max", "sched_get_priority_min",
	}
}

// someArguments are calls that depend on their arguments; pid is this process, which keeps its number. Two entries with
// one name are alternatives.
func someArguments(pid uint64) []seccomp.NameWithConditions {
	is := func(argument uint32, value uint64) seccomp.Condition {
		return seccomp.Condition{Argument: argument, Operation: seccomp.Equal, Value: value}
	}
	has := func(argument uint32, bits uint64) seccomp.Condition {
		return seccomp.Condition{Argument: argument, Operation: seccomp.BitsSet, Value: bits}
	}
	lacks := func(argument uint32, bits uint64) seccomp.Condition {
		return seccomp.Condition{Argument: argument, Operation: seccomp.BitsNotSet, Value: bits}
	}
	var list []seccomp.NameWithConditions
	allow := func(name string, conditions ...seccomp.Condition) {
		list = append(list, seccomp.NameWithConditions{Name: name, Conditions: conditions})
	}
	// Threads, but neither processes nor namespaces; no exit signal. The kernel refuses a thread of another kind.
	const otherThanThread = 0xff | unix.CLONE_VFORK | unix.CLONE_PTRACE | unix.CLONE_PARENT | unix.CLONE_NEWNS |
		unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID |
		unix.CLONE_NEWNET | unix.CLONE_PIDFD
	allow("clone", has(0, unix.CLONE_THREAD), lacks(0, otherThanThread))
	allow("execveat", is(0, programFile), is(4, unix.AT_EMPTY_PATH))
	// Landlock before Linux 6.2 does not stop a file that is open for reading from being truncated.
	for _, open := range []struct {
		name  string
		flags uint32
	}{{"openat", 2}, {"open", 1}} {
		allow(open.name, lacks(open.flags, unix.O_TRUNC))
		allow(open.name, has(open.flags, unix.O_WRONLY|unix.O_RDWR))
	}
	allow("unlinkat", lacks(2, unix.AT_REMOVEDIR))
	for _, self := range []uint64{0, pid} {
		allow("prlimit64", is(0, self))
	}
	allow("kill", is(0, pid))
	allow("tgkill", is(0, pid))
	allow("sched_setaffinity", is(0, 0))
	// Not F_SETOWN and F_SETSIG, which would send signals to others.
	for _, command := range []uint64{
		unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL,
	} {
		allow("fcntl", is(1, command))
	}
	// Not TIOCSTI, which types into a terminal.
	for _, request := range []uint64{unix.TCGETS, unix.TIOCGWINSZ, unix.TIOCINQ} {
		allow("ioctl", is(1, request))
	}
	for _, option := range []uint64{unix.PR_SET_NAME, unix.PR_GET_NAME, unix.PR_SET_VMA} {
		allow("prctl", is(0, option))
	}
	return list
}

// newFilter compiles the filter for this process. With exec, it may execute whatever Landlock lets it.
func newFilter(exec bool) (*filter, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("list the system calls: %w", err)
	}
	policy := seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls:      []seccomp.SyscallGroup{allowed(info, uint64(os.Getpid()), exec)},
	}
	list, err := policy.Assemble()
	if err != nil {
		return nil, fmt.Errorf("build the filter of system calls: %w", err)
	}
	// The library's own answer is EPERM, after which the C library tries nothing else.
	list[len(list)-1] = bpf.RetConstant{Val: uint32(seccomp.ActionErrno) | uint32(unix.ENOSYS)}
	raw, err := bpf.Assemble(list)
	if err != nil {
		return nil, fmt.Errorf("assemble the filter of system calls: %w", err)
	}
	return &filter{raw}, nil
}

// allowed returns the calls of a processor that the program may make.
func allowed(info *arch.Info, pid uint64, exec bool) seccomp.SyscallGroup {
	names := anyArguments()
	if exec {
		names = append(names, "execve")
	}
	group := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	for _, name := range names {
		if _, ok := info.SyscallNames[name]; ok {
			group.Names = append(group.Names, name)
		}
	}
	for _, call := range someArguments(pid) {
		if _, ok := info.SyscallNames[call.Name]; ok {
			group.NamesWithCondtions = append(group.NamesWithCondtions, call)
		}
	}
	return group
}

// install puts the filter around this thread. It does not allocate.
func (f *filter) install() error {
	program := unix.SockFprog{Len: uint16(len(f.program)), Filter: (*unix.SockFilter)(unsafe.Pointer(&f.program[0]))}
	// Without the flag, kernels before 5.16 slow a filtered program down, against an attack on itself.
	for _, flags := range []uintptr{unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, 0} {
		_, _, errno := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags,
			uintptr(unsafe.Pointer(&program)))
		if errno == 0 {
			return nil
		}
		if errno != unix.EINVAL || flags == 0 {
			return fmt.Errorf("filter system calls: %w", errno)
		}
	}
	return nil
}

// try installs the filter and checks that the kernel does what it says.
func (f *filter) try() error {
	if err := f.install(); err != nil {
		return err
	}
	if fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); err == nil {
		unix.Close(fd)
		return errors.New("the kernel accepts a filter of system calls and does not apply it")
	}
	return nil
}
