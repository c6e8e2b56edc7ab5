package s3store

import (
	"context"
	"net"
	"time"
)

const (
	connectTimeout = 10 * time.Second
	// sendBuffer limits the bytes that the kernel has accepted and not yet sent. While a slow network carries them
	// away, the connection looks idle, so they must not take longer than the idle timeout. Linux doubles the value to 1
	// MiB, enough for 10 MB/s at a round trip of 100 ms to another continent.
	sendBuffer = 512 << 10
)

// dialer returns a dial function for connections that fail once no byte has moved for idle, in either direction.
func dialer(idle time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: min(connectTimeout, idle), KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			if err := tcp.SetWriteBuffer(sendBuffer); err != nil {
				conn.Close()
				return nil, err
			}
		}
		return &idleConn{Conn: conn, idle: idle}, nil
	}
}

// idleConn extends its deadline whenever bytes move. One deadline serves both directions, because a read waits for the
// answer while a part is sent, which may take longer than idle. Between requests, the deadline closes pooled
// connections a little early, which does no harm.
type idleConn struct {
	net.Conn
	idle time.Duration
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.extendDeadline(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.extendDeadline(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err == nil {
		err = c.extendDeadline()
	}
	return n, err
}

func (c *idleConn) extendDeadline() error { return c.SetDeadline(time.Now().Add(c.idle)) }
