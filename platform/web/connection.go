package web

import (
	"container/list"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sys/unix"
)

const (
	sendChunk  = 256 << 10 // bytes of a file that the system sends at once; the deadline moves after each chunk
	unsentMost = 128 << 10 // bytes that the system keeps of an answer before it can send them
)

// limitUnsent bounds what the system keeps of an answer. Without a bound it keeps megabytes for each client that reads
// slowly, and accepts no more until a third of them has been read, which may take such a client longer than it may
// stall.
func limitUnsent(tcp *net.TCPConn) {
	// The errors are ignored: a system without the option only keeps more.
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentMost)
		})
	}
}

// connection is an open connection. A write to it may take as long as the client keeps accepting bytes: it fails only
// when none was accepted for the time of stall, or up to a quarter longer.
type connection struct {
	*net.TCPConn
	stall    time.Duration
	deadline time.Time    // of writes, which was set last; one write goes on at a time
	addr     netip.Addr   // the client's, or the proxy's
	logged   string       // what the log keeps of addr
	network  netip.Prefix // not valid: a trusted proxy's
	joined   joined       // the answer that is being written

	// The rest belongs to connections and its mutex.
	open              bool
	siblings          *crowd        // of its network; nil for a trusted proxy's
	inAll, inSiblings *list.Element // where it waits for a request; nil while it has one
}

type connectionKey struct{}

// withConnection is http.Server's ConnContext.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	if k, ok := conn.(*connection); ok {
		return context.WithValue(ctx, connectionKey{}, k)
	}
	return ctx
}

// connectionOf returns the connection of a request, or nil.
func connectionOf(r *http.Request) *connection {
	k, _ := r.Context().Value(connectionKey{}).(*connection)
	return k
}

func (k *connection) Write(p []byte) (int, error) {
	switch {
	case k.joined.head != nil:
		return k.writeJoined(p)
	case k.joined.body > 0 && k.joined.wait(p):
		return len(p), nil
	}
	written := 0
	for d := k.beginWrite(); ; {
		n, err := k.TCPConn.Write(p[written:])
		written += n
		if !d.moved(n > 0, err) {
			return written, err
		}
	}
}

// ReadFrom writes what r holds. The system copies files by itself (sendfile).
func (k *connection) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if ok {
		_, ok = limited.R.(syscall.Conn)
	}
	if !ok {
		return io.Copy(struct{ io.Writer }{k}, r)
	}
	sent := int64(0)
	for limited.N > 0 {
		chunk := io.LimitedReader{R: limited.R, N: min(limited.N, sendChunk)}
		n, err := k.sendFile(&chunk)
		sent += n
		limited.N -= n
		if err != nil || n == 0 { // 0: the file is shorter
			return sent, err
		}
	}
	return sent, nil
}

func (k *connection) sendFile(chunk *io.LimitedReader) (int64, error) {
	sent := int64(0)
	for d := k.beginWrite(); ; {
		left := chunk.N
		n, err := k.TCPConn.ReadFrom(chunk)
		sent += n
		// Where the system cannot copy by itself, what was read and not written is lost when a write fails.
		lost := left-chunk.N != n
		if lost || !d.moved(n > 0, err) {
			return sent, err
		}
	}
}

// writeDeadline is the deadline of one write. The first to be set is that of an earlier one, if there was one: when it
// has passed, the write is told before it begins, and sets its own.
type writeDeadline struct {
	k    *connection
	last time.Time // when the client accepted bytes, at the latest
}

func (k *connection) beginWrite() writeDeadline {
	d := writeDeadline{k, time.Now()}
	if k.deadline.IsZero() {
		d.set(d.last)
	}
	return d
}

// moved reports whether a write goes on: the deadline has ended it, but not for lack of progress.
func (d *writeDeadline) moved(progress bool, err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	now := time.Now()
	if progress {
		d.last = now
	} else if now.Sub(d.last) >= d.k.stall {
		return false
	}
	d.set(now)
	return true
}

func (d *writeDeadline) set(now time.Time) {
	d.k.deadline = now.Add(d.k.stall / 4)
	// The error is ignored: the connection is closed then, and the write says so.
	_ = d.k.SetWriteDeadline(d.k.deadline)
}

// fileWriter is an answer to which the system can copy files by itself; echo.Response alone hides that. It holds back
// the plain text with which net/http refuses a range.
type fileWriter struct {
	*echo.Response
	refusesRange bool
}

func (w *fileWriter) WriteHeader(status int) {
	if w.refusesRange = status == http.StatusRequestedRangeNotSatisfiable; !w.refusesRange {
		w.Response.WriteHeader(status)
	}
}

func (w *fileWriter) Write(data []byte) (int, error) {
	if w.refusesRange {
		return len(data), nil
	}
	return w.Response.Write(data)
}

func (w *fileWriter) ReadFrom(r io.Reader) (int64, error) {
	if !w.Committed {
		w.WriteHeader(http.StatusOK)
	}
	n, err := io.Copy(w.Writer, r)
	w.Size += n
	return n, err
}
