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

// A proxy that keeps connections learns of a stop in one of two ways: a new connection is refused, which it may try
// elsewhere, or an answer says that it was the last. It cannot know of a kept connection that is closed while it sends a
// request there, and must not repeat that request. So while draining no kept connection is closed before it has carried
// its last answer, or the proxy has closed it.

// door is a listener that can be closed without losing those who have come in already.
type door struct {
	*net.TCPListener
	came    func(net.Conn) // hears of everyone who comes in, before Accept gives it
	once    sync.Once
	shut    chan struct{} // closed when nobody else comes in
	late    chan net.Conn // who came in and was not accepted when the door was shut
	handed  chan struct{} // closed when late is filled
	closing sync.Once
	closed  chan struct{}
}

func newDoor(listener *net.TCPListener, came func(net.Conn)) *door {
	return &door{
		TCPListener: listener, came: came,
		shut: make(chan struct{}), handed: make(chan struct{}), closed: make(chan struct{}),
	}
}

// Accept goes on after Shut with those who came late, and then waits for Close: the server takes an error for a failure.
func (d *door) Accept() (net.Conn, error) {
	connection, err := d.TCPListener.Accept()
	if err == nil {
		d.came(connection)
		return connection, nil
	}
	select {
	case <-d.shut:
	default:
		return nil, err //nolint:wrapcheck // the server looks at its kind
	}
	<-d.handed
	select {
	case connection := <-d.late:
		return connection, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Shut refuses new connections. A connection that the system has taken and we have not would be reset by closing the
// listener, so those are accepted first. Between the last of them and the end of listening there are microseconds in which
// somebody who comes in is reset.
func (d *door) Shut() {
	d.once.Do(func() {
		close(d.shut)
		var taken []int
		if raw, err := d.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { taken = takeAll(int(fd)) })
		}
		_ = d.TCPListener.Close()
		d.late = make(chan net.Conn, len(taken))
		for _, fd := range taken {
			file := os.NewFile(uintptr(fd), "connection")
			if connection, err := net.FileConn(file); err == nil {
				d.came(connection)
				d.late <- connection
			}
			_ = file.Close() // FileConn has its own
		}
		close(d.handed)
	})
}

// takeAll accepts who waits and ends listening; on systems where that needs a close, the caller closes.
func takeAll(listener int) []int {
	var taken []int
	syscall.ForkLock.RLock() // no child may inherit a connection
	defer syscall.ForkLock.RUnlock()
	for {
		fd, _, err := syscall.Accept(listener)
		if errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.ECONNABORTED) {
			continue
		}
		if err != nil {
			_ = syscall.Shutdown(listener, syscall.SHUT_RDWR)
			return taken
		}
		syscall.CloseOnExec(fd)
		taken = append(taken, fd)
	}
}

// Close also ends Accept.
func (d *door) Close() error {
	d.Shut()
	d.closing.Do(func() { close(d.closed) })
	return nil
}

// connections knows those that are open.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
	none chan struct{} // closed when the last one goes; nil while nobody waits
}

func (c *connections) came(connection net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[connection] = struct{}{}
}

// changed is http.Server's ConnState.
func (c *connections) changed(connection net.Conn, state http.ConnState) {
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

// wait returns when no connection is open, the time is over or ctx ends. It is called once.
func (c *connections) wait(ctx context.Context, most time.Duration) {
	none := make(chan struct{})
	c.mu.Lock()
	if len(c.open) == 0 {
		close(none)
	} else {
		c.none = none
	}
	c.mu.Unlock()
	timeout := time.NewTimer(most)
	defer timeout.Stop()
	select {
	case <-none:
	case <-timeout.C:
	case <-ctx.Done():
	}
}
