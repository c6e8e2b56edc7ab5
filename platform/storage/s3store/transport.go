package s3store

import (
	"context"
	"net"
	"time"
)

const (
	connectTimeout = 10 * time.Second
	// What the kernel has taken and not yet sent looks like silence. So it gets no more than a slow line carries away within the time idle:
	// Linux makes 1 MiB of this, enough for 10 MB/s over the 100 ms to another continent.
	sendBuffer = 512 << 10
)

// dialer makes connections that fail once no byte has moved for the time idle, in either direction.
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

// idleConn puts the deadline off with every byte. One deadline for both directions: while a part goes out, which may take longer than
// idle, a read waits for the answer. Between requests it closes pooled connections a little early, which does no harm.
type idleConn struct {
	net.Conn
	idle time.Duration
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.putOff(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.putOff(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err == nil {
		err = c.putOff()
	}
	return n, err
}

func (c *idleConn) putOff() error { return c.SetDeadline(time.Now().Add(c.idle)) }
