package web

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
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
// when none was accepted for the time of stall, or up to a quarter longer, or when a deadline of writes has passed.
type connection struct {
	*net.TCPConn
	stall   time.Duration
	addr    netip.Addr   // the client's, or the proxy's
	logged  string       // what the log keeps of addr
	network netip.Prefix // not valid: a trusted proxy's
	joined  joined       // the answer that is being written

	deadlines sync.Mutex
	deadline  time.Time // of writes, which was set last; one write goes on at a time
	due       time.Time // SetWriteDeadline's, which holds whatever the client accepts; zero: none

	// The rest belongs to connections and its mutex.
	open              bool
	siblings          *crowd        // of its network; nil for a trusted proxy's
	inAll, inSiblings *list.Element // where it waits for a request; nil while it has one
}

type connectionKey struct{}

// withConnection is http.Server's ConnContext.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	if k := connectionUnder(conn); k != nil {
		return context.WithValue(ctx, connectionKey{}, k)
	}
	return ctx
}

// connectionUnder returns the connection of which http.Server knows, or on which TLS runs that it knows of; nil: it is
// none of ours.
func connectionUnder(conn net.Conn) *connection {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	k, _ := conn.(*connection)
	return k
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
	k.deadlines.Lock()
	defer k.deadlines.Unlock()
	if k.deadline.IsZero() {
		d.set(d.last)
	}
	return d
}

// SetWriteDeadline ends writes at a time even if the client accepts bytes, as TLS needs it for its handshake and for
// its last words. The zero time ends none.
func (k *connection) SetWriteDeadline(t time.Time) error {
	k.deadlines.Lock()
	defer k.deadlines.Unlock()
	k.due, k.deadline = t, t
	return k.TCPConn.SetWriteDeadline(t)
}

// SetDeadline sets the deadlines of reads and writes.
func (k *connection) SetDeadline(t time.Time) error {
	return errors.Join(k.SetReadDeadline(t), k.SetWriteDeadline(t))
}

// moved reports whether a write goes on: the deadline has ended it, but not for lack of progress.
func (d *writeDeadline) moved(progress bool, err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	now := time.Now()
	d.k.deadlines.Lock()
	defer d.k.deadlines.Unlock()
	switch {
	case !d.k.due.IsZero() && !now.Before(d.k.due):
		return false
	case progress:
		d.last = now
	case now.Sub(d.last) >= d.k.stall:
		return false
	}
	d.set(now)
	return true
}

// set is called by whoever holds the mutex.
func (d *writeDeadline) set(now time.Time) {
	k := d.k
	k.deadline = now.Add(k.stall / 4)
	if !k.due.IsZero() && k.due.Before(k.deadline) {
		k.deadline = k.due
	}
	// The error is ignored: the connection is closed then, and the write says so.
	_ = k.TCPConn.SetWriteDeadline(k.deadline)
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
