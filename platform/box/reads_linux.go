package box

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A filter of system calls stops each read of the program, Reads.Before brings the bytes into the file, and the kernel
// then does the read as if nothing had happened (seccomp_unotify(2)). If this process dies, so does the program.

// The layouts of seccomp_notif and seccomp_notif_resp in linux/seccomp.h.
type (
	notification struct {
		id         uint64
		pid, flags uint32
		nr         int32
		arch       uint32
		ip         uint64
		args       [6]uint64
	}
	response struct {
		id    uint64
		val   int64
		errno int32
		flags uint32
	}
)

// stopReads makes the kernel stop this thread's reads, and those of the program that it becomes, until the process at
// the other end of the socket lets them go on.
func stopReads(socket int) error {
	program, err := readFilter()
	if err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return fmt.Errorf("stop reads: %w", errno)
	}
	err = unix.Sendmsg(socket, []byte{0}, unix.UnixRights(int(listener)), nil, 0)
	if err != nil {
		return fmt.Errorf("hand over the reads: %w", err)
	}
	return unix.Close(int(listener))
}

// readFilter stops reads of descriptors other than the standard ones. Other filters apply as well, and may refuse what
// this one lets pass, such as calls by another architecture's numbers.
func readFilter() ([]unix.SockFilter, error) {
	ours, known := map[string]uint32{
		"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64,
	}[runtime.GOARCH]
	if !known {
		return nil, fmt.Errorf("stop reads on %s: %w", runtime.GOARCH, errors.ErrUnsupported)
	}
	const arch, number, descriptor = 4, 0, 16 // offsets in seccomp_data; the descriptor's lower half, on little-endian
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	give := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}
	calls := []uint32{unix.SYS_READ, unix.SYS_PREAD64, unix.SYS_READV, unix.SYS_PREADV, unix.SYS_PREADV2}
	program := []unix.SockFilter{
		load(arch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: ours, Jt: 1},
		give(unix.SECCOMP_RET_ALLOW),
		load(number),
	}
	for i, call := range calls {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jt: uint8(len(calls) - i)})
	}
	return append(program,
		give(unix.SECCOMP_RET_ALLOW),
		load(descriptor),
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 3, Jt: 1},
		give(unix.SECCOMP_RET_ALLOW),
		give(unix.SECCOMP_RET_USER_NOTIF),
	), nil
}

// tryReads reads a byte of the second file.
func (s spec) tryReads() error {
	if err := dropPrivileges(); err != nil {
		return err
	}
	if err := stopReads(firstFile); err != nil {
		return err
	}
	if _, err := unix.Pread(firstFile+1, make([]byte, 1), 0); err != nil {
		return fmt.Errorf("read after a stop: %w", err)
	}
	return nil
}

// serveReads answers each read of the program that the launcher becomes, until close is called or ctx ends. Without
// Reads, it returns nil.
func serveReads(ctx context.Context, r *Reads) (*readServer, error) {
	if r == nil {
		return nil, nil
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("box: create a pair of sockets: %w", err)
	}
	ours := os.NewFile(uintptr(fds[0]), "reads")
	defer ours.Close() // FileConn duplicates it
	s := &readServer{socket: os.NewFile(uintptr(fds[1]), "reads of the launcher"), served: make(chan struct{})}
	connection, err := net.FileConn(ours)
	conn, ok := connection.(*net.UnixConn)
	if !ok {
		s.socket.Close()
		return nil, fmt.Errorf("box: open the socket: %w", err)
	}
	ctx, s.cancel = context.WithCancel(ctx)
	go func() {
		defer close(s.served)
		err := serve(ctx, conn, r)
		if ctx.Err() == nil { // otherwise the run is over, and that may have interrupted it
			s.err = err
		}
	}()
	return s, nil
}

func serve(ctx context.Context, conn *net.UnixConn, r *Reads) error {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return fmt.Errorf("accept them: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("accept them: %d messages: %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return fmt.Errorf("accept them: %d descriptors: %w", len(fds), err)
	}
	unix.CloseOnExec(fds[0])
	if err := unix.SetNonblock(fds[0], true); err != nil { // so that Go's poller waits for it, and no thread does
		return fmt.Errorf("accept them: %w", err)
	}
	listener := os.NewFile(uintptr(fds[0]), "seccomp listener")
	defer listener.Close()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	return answer(ctx, listener, r)
}

// answer returns when the program has ended.
func answer(ctx context.Context, listener *os.File, r *Reads) error {
	var watched unix.Stat_t
	if err := unix.Fstat(int(r.File.Fd()), &watched); err != nil {
		return fmt.Errorf("describe the file to read: %w", err)
	}
	conn, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	for {
		n, err := receive(conn)
		if err != nil || n == nil {
			return err
		}
		answer := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if from, to, ok := n.extent(&watched); ok {
			if err := r.Before(ctx, from, to); err != nil {
				answer = response{id: n.id, errno: -int32(unix.EIO)}
			}
		}
		cerr := conn.Control(func(fd uintptr) {
			err = ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer))
		})
		// ENOENT: the thread was killed meanwhile, or a signal interrupted its read, which it then repeats.
		if err = errors.Join(cerr, err); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("let a read go on: %w", err)
		}
	}
}

// receive waits for the next read. It returns nil when the program has ended or the listener is closed.
func receive(conn syscall.RawConn) (n *notification, err error) {
	cerr := conn.Read(func(fd uintptr) (done bool) {
		for {
			n = &notification{} // the kernel requires it to be zero
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			_, err = unix.Poll(poll, 0)
			switch {
			case err == nil && poll[0].Revents == 0:
				return false
			case err == nil && poll[0].Revents&unix.POLLIN == 0: // POLLHUP
				n = nil
				return true
			case err == nil:
				err = ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n))
			}
			// ENOENT: the thread has just been killed.
			if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINTR) {
				return true
			}
		}
	})
	if err = errors.Join(cerr, err); err != nil {
		return nil, fmt.Errorf("wait for a read: %w", err)
	}
	return n, nil
}

// extent returns which bytes of the watched file a read is about; false for a read of another file.
func (n *notification) extent(watched *unix.Stat_t) (from, to int64, ok bool) {
	fd := strconv.Itoa(int(int32(n.args[0])))
	thread := "/proc/" + strconv.Itoa(int(n.pid))
	var st unix.Stat_t
	if unix.Stat(thread+"/fd/"+fd, &st) != nil || st.Ino != watched.Ino || st.Dev != watched.Dev {
		return 0, 0, false
	}
	switch n.nr {
	case unix.SYS_READ, unix.SYS_READV:
		if from, ok = position(thread + "/fdinfo/" + fd); !ok {
			return 0, 0, false
		}
	default:
		from = int64(n.args[3])
	}
	to = math.MaxInt64 // the lengths of readv are in the program's memory
	if length := n.args[2]; (n.nr == unix.SYS_READ || n.nr == unix.SYS_PREAD64) && length < math.MaxInt64-uint64(from) {
		to = from + int64(length)
	}
	return from, to, from >= 0
}

// position reads the offset of a descriptor, which is the first line of its fdinfo (proc(5)).
func position(fdinfo string) (int64, bool) {
	fd, err := unix.Open(fdinfo, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	var text [64]byte
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return 0, false
	}
	line, _, found := bytes.Cut(text[:n], []byte("\n"))
	digits, ok := bytes.CutPrefix(line, []byte("pos:"))
	offset, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 10, 64)
	return offset, found && ok && err == nil
}

func ioctl(fd, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
