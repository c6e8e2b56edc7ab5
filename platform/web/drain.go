package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// A proxy that keeps connections learns of a stop in one of two ways: a new connection is refused, so it may try
// another server, or an answer says that it is the connection's last. It cannot know that a kept connection is being
// closed while it sends a request there, and must not repeat that request. So while the server drains, it closes a kept
// connection only after the connection's last answer; otherwise the proxy closes it.

// listener can stop accepting connections without losing those that have arrived already.
type listener struct {
	*net.TCPListener
	arrived func(net.Conn) // is called with every connection before Accept returns it

	stop    sync.Once
	stopped chan struct{} // closed when connections are refused
	backlog chan net.Conn // connections that had arrived and were not accepted when the listener stopped
	drained chan struct{} // closed when backlog is filled
	closing sync.Once
	closed  chan struct{}
}

func newListener(tcp *net.TCPListener, arrived func(net.Conn)) *listener {
	return &listener{
		TCPListener: tcp, arrived: arrived,
		stopped: make(chan struct{}), drained: make(chan struct{}), closed: make(chan struct{}),
	}
}

// After StopAccepting, Accept first returns the backlog and then waits for Close, because http.Server treats an error
// as a failure.
func (l *listener) Accept() (net.Conn, error) {
	connection, err := l.TCPListener.Accept()
	if err == nil {
		l.arrived(connection)
		return connection, nil
	}
	select {
	case <-l.stopped:
	default:
		return nil, err
	}
	<-l.drained
	select {
	case connection := <-l.backlog:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
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
				l.arrived(connection)
				l.backlog <- connection
			}
			_ = file.Close() // FileConn has its own copy
		}
		close(l.drained)
	})
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

// connections keeps track of the open connections.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
	none chan struct{} // closed when the last one closes; nil while nobody waits
}

func (c *connections) add(connection net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[connection] = struct{}{}
}

// stateChanged is http.Server's ConnState.
func (c *connections) stateChanged(connection net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, connection)
	if len(c.open) == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}

// wait returns when no connection is open, the timeout has passed or ctx ends. It must be called at most once.
func (c *connections) wait(ctx context.Context, timeout time.Duration) {
	none := make(chan struct{})
	c.mu.Lock()
	if len(c.open) == 0 {
		close(none)
	} else {
		c.none = none
	}
	c.mu.Unlock()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-none:
	case <-timer.C:
	case <-ctx.Done():
	}
}
