//go:build linux

// Command boxtest tries to get out of the box that it runs in, for the tests of platform/box: one attempt in each run.
// It exits with 0 if the attempt succeeded, and with 3 if it was refused, after it has said how.
//
//	boxtest ATTEMPT [ARGUMENT...]
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const refused = 3

func main() {
	attempt, arguments := os.Args[1], os.Args[2:]
	do, ok := attempts()[attempt]
	if !ok {
		fmt.Println("no such attempt:", attempt)
		os.Exit(2)
	}
	if err := do(arguments); err != nil {
		fmt.Println("refused:", err)
		os.Exit(refused)
	}
	fmt.Println("done")
}

// attempts are the functions by their names. Each returns why it was refused, or nil.
func attempts() map[string]func(arguments []string) error {
	return map[string]func(arguments []string) error{
		"nothing":     func([]string) error { return nil },
		"environment": environment,
		"threads":     threads,
		"read":        func(a []string) error { return open(a[0], unix.O_RDONLY) },
		"write":       func(a []string) error { return open(a[0], unix.O_WRONLY|unix.O_CREAT) },
		"truncate":    func(a []string) error { return open(a[0], unix.O_RDONLY|unix.O_TRUNC) },
		"remove":      func(a []string) error { return os.Remove(a[0]) },
		"make folder": func(a []string) error { return os.Mkdir(a[0], 0o700) },
		"dial":        dial,
		"socket":      socket,
		"fork":        fork,
		"start":       func(a []string) error { return exec.Command(a[0]).Run() },
		"execute":     func(a []string) error { return syscall.Exec(a[0], a, nil) },
		"execute descriptor": func(a []string) error {
			return executeDescriptor(a[0], number(a[1]))
		},
		"kill":        func(a []string) error { return unix.Kill(number(a[0]), 0) },
		"limit":       limit,
		"own signals": ownSignals,
		"call":        call,
		"memory":      memory,
		"processor":   processor,
		"output":      output,
		"open files":  openFiles,
	}
}

func limit(a []string) error {
	return unix.Prlimit(number(a[0]), unix.RLIMIT_NOFILE, nil, &unix.Rlimit{})
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

// environment prints the variables and the open files.
func environment([]string) error {
	fmt.Println(strings.Join(os.Environ(), " "))
	for fd := range 200 {
		var info unix.Stat_t
		if unix.Fstat(fd, &info) == nil && info.Mode&unix.S_IFMT == unix.S_IFREG {
			fmt.Println("descriptor", fd)
		}
	}
	return nil
}

// threads runs a function on several threads at once.
func threads([]string) error {
	var ready, done sync.WaitGroup
	ready.Add(8)
	for range 8 {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			ready.Wait()
		})
	}
	done.Wait()
	return nil
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if flags == unix.O_RDONLY {
		_, err = unix.Read(fd, make([]byte, 1))
		if err == unix.EIO { // the memory of another process, at an address that it does not use
			err = nil
		}
	}
	return err
}

func dial(a []string) error {
	c, err := net.Dial(a[0], a[1])
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("hello"))
	return err
}

func socket(a []string) error {
	fd, err := unix.Socket(number(a[0]), unix.SOCK_RAW, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// fork makes a process without the C library's or Go's help, and ends it.
func fork([]string) error {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	return nil
}

// executeDescriptor executes a file from a descriptor with the given number.
func executeDescriptor(path string, as int) error {
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if err := unix.Dup3(fd, as, 0); err != nil {
		return err
	}
	empty, name := []byte{0}, []*byte{&[]byte("x\x00")[0], &[]byte("nothing\x00")[0], nil}
	_, _, errno := syscall.RawSyscall6(unix.SYS_EXECVEAT, uintptr(as), uintptr(unsafe.Pointer(&empty[0])),
		uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&name[2])), unix.AT_EMPTY_PATH, 0)
	return errno
}

// ownSignals has the kernel send another process a signal when a pipe becomes readable.
func ownSignals(a []string) error {
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return err
	}
	_, err := unix.FcntlInt(uintptr(ends[0]), unix.F_SETOWN, number(a[0]))
	return err
}

// call makes a system call without meaningful arguments, and succeeds if the kernel knows it.
func call(a []string) error {
	numbers := map[string]uintptr{
		"io_uring_setup": unix.SYS_IO_URING_SETUP, "ptrace": unix.SYS_PTRACE, "bpf": unix.SYS_BPF,
		"process_vm_readv": unix.SYS_PROCESS_VM_READV, "process_vm_writev": unix.SYS_PROCESS_VM_WRITEV,
		"pidfd_open": unix.SYS_PIDFD_OPEN, "pidfd_getfd": unix.SYS_PIDFD_GETFD,
		"pidfd_send_signal": unix.SYS_PIDFD_SEND_SIGNAL, "perf_event_open": unix.SYS_PERF_EVENT_OPEN,
		"userfaultfd": unix.SYS_USERFAULTFD, "keyctl": unix.SYS_KEYCTL, "add_key": unix.SYS_ADD_KEY,
		"mount": unix.SYS_MOUNT, "unshare": unix.SYS_UNSHARE, "setns": unix.SYS_SETNS, "chroot": unix.SYS_CHROOT,
		"clone3": unix.SYS_CLONE3, "execve": unix.SYS_EXECVE, "tkill": unix.SYS_TKILL,
		"rt_sigqueueinfo": unix.SYS_RT_SIGQUEUEINFO, "rt_tgsigqueueinfo": unix.SYS_RT_TGSIGQUEUEINFO,
		"memfd_create": unix.SYS_MEMFD_CREATE, "shmget": unix.SYS_SHMGET, "mlockall": unix.SYS_MLOCKALL,
		"sched_setscheduler": unix.SYS_SCHED_SETSCHEDULER, "setpriority": unix.SYS_SETPRIORITY,
		"renameat2": unix.SYS_RENAMEAT2, "linkat": unix.SYS_LINKAT, "symlinkat": unix.SYS_SYMLINKAT,
		"fchmodat": unix.SYS_FCHMODAT, "fchownat": unix.SYS_FCHOWNAT, "mknodat": unix.SYS_MKNODAT,
		"setxattr": unix.SYS_SETXATTR, "truncate": unix.SYS_TRUNCATE, "utimensat": unix.SYS_UTIMENSAT,
		"open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT, "personality": unix.SYS_PERSONALITY,
		"socketpair": unix.SYS_SOCKETPAIR, "seccomp": unix.SYS_SECCOMP, "ioctl": unix.SYS_IOCTL,
		"prctl": unix.SYS_PRCTL, "fcntl": unix.SYS_FCNTL,
	}
	nr, ok := numbers[a[0]]
	if !ok {
		panic("no number for " + a[0])
	}
	const none = ^uintptr(0) >> 1 // an address, a length or a command that is never valid
	_, _, errno := syscall.RawSyscall6(nr, none, none, none, none, none, none)
	if errno == unix.ENOSYS {
		return errno
	}
	return nil
}

// memory takes 64 MiB at a time and uses them, up to the given number of MiB.
func memory(a []string) error {
	const step = 64 << 20
	for range number(a[0]) / 64 {
		block, err := unix.Mmap(-1, 0, step, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return err
		}
		for i := 0; i < step; i += 4096 {
			block[i] = 1
		}
	}
	return nil
}

// processor says that it has begun, and then uses up CPU time.
func processor([]string) error {
	fmt.Println("working")
	for i := 0; ; i++ {
		if i < 0 {
			return nil
		}
	}
}

// output writes a file of the given number of MiB.
func output(a []string) error {
	file, err := os.Create(a[0])
	if err != nil {
		return err
	}
	for range number(a[1]) {
		if _, err := file.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
	}
	return nil
}

func openFiles(a []string) error {
	for range number(a[1]) {
		if _, err := unix.Open(a[0], unix.O_RDONLY, 0); err != nil {
			return err
		}
	}
	return nil
}
