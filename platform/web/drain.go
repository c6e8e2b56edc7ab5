package web

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
)

// A proxy that keeps connections learns of a stop in one of two ways: a new connection is refused, so it may try
// another server, or an answer says that it is the connection's last. It cannot know that a kept connection is being
// closed while it sends a request there, and must not repeat that request. So while the server drains, it closes a kept
// connection only after the connection's last answer; otherwise the proxy closes it.

// listener can stop accepting connections without losing those that have arrived already.
type listener struct {
	*net.TCPListener
	admit func(*net.TCPConn) net.Conn // is called with every connection; returns what Accept returns, or nil for none

	stop    sync.Once
	stopped chan struct{} // closed when connections are refused
	backlog chan net.Conn // connections that had arrived and were not accepted when the listener stopped
	drained chan struct{} // closed when backlog is filled
	closing sync.Once
	closed  chan struct{}
}

func newListener(tcp *net.TCPListener, admit func(*net.TCPConn) net.Conn) *listener {
	return &listener{
		TCPListener: tcp, admit: admit,
		stopped: make(chan struct{}), drained: make(chan struct{}), closed: make(chan struct{}),
	}
}

// After StopAccepting, Accept first returns the backlog and then waits for Close, because http.Server treats an error
// as a failure.
func (l *listener) Accept() (net.Conn, error) {
	for {
		connection, err := l.AcceptTCP()
		if err == nil {
			if admitted := l.admit(connection); admitted != nil {
				return admitted, nil
			}
			continue
		}
		select {
		case <-l.stopped:
			return l.acceptBacklog()
		default:
			return nil, err
		}
	}
}

func (l *listener) acceptBacklog() (net.Conn, error) {
	<-l.drained
	select {
	case connection := <-l.backlog: // even if the listener is closed by now: nobody else would close the connection
		return connection, nil
	default:
	}
	<-l.closed
	return nil, net.ErrClosed
}

// StopAccepting refuses new connections. Closing the listener would reset those that the system has established and
// Accept has not returned, so they are accepted first. A connection that arrives in the microseconds between the last
// of them and the end of listening is reset.
func (l *listener) StopAccepting() {
	l.stop.Do(func() {
		close(l.stopped)
		var waiting []int
		if raw, err := l.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { waiting = drainBacklog(int(fd)) })
		}
		_ = l.TCPListener.Close()
		l.backlog = make(chan net.Conn, len(waiting))
		for _, fd := range waiting {
			file := os.NewFile(uintptr(fd), "connection")
			if connection, err := net.FileConn(file); err == nil {
				l.admitWaiting(connection)
			}
			_ = file.Close() // FileConn has its own copy
		}
		close(l.drained)
	})
}

func (l *listener) admitWaiting(connection net.Conn) {
	if tcp, ok := connection.(*net.TCPConn); ok {
		if admitted := l.admit(tcp); admitted != nil {
			l.backlog <- admitted
		}
	}
}

// drainBacklog accepts all waiting connections and ends listening; on systems where that needs a close, the caller
// closes.
func drainBacklog(socket int) []int {
	var waiting []int
	syscall.ForkLock.RLock() // no child may inherit a connection
	defer syscall.ForkLock.RUnlock()
	for {
		fd, _, err := syscall.Accept(socket)
		if errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.ECONNABORTED) {
			continue
		}
		if err != nil {
			_ = syscall.Shutdown(socket, syscall.SHUT_RDWR)
			return waiting
		}
		syscall.CloseOnExec(fd)
		waiting = append(waiting, fd)
	}
}

// Close also ends Accept.
func (l *listener) Close() error {
	l.StopAccepting()
	l.closing.Do(func() { close(l.closed) })
	return nil
}
