package s3store_test

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pieceBytes is the largest piece that a tcpProxy moves at once.
const pieceBytes = 64 << 10

// tcpProxy forwards connections to the S3 server. Tests watch and disturb them. It does not know HTTP.
type tcpProxy struct {
	listener net.Listener
	target   string
	fromS3   atomic.Int64         // bytes that the server has sent
	stalled  atomic.Bool          // no bytes move, but connections stay open
	change   func(content []byte) // changes what the server sends; nil = nothing
	pace     time.Duration        // delay for each pieceBytes, in either direction; 0 = none
	retry    bool                 // whether to wait for a server that refuses connections, instead of hanging up

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed chan struct{}
	users  sync.WaitGroup
}

// newProxy listens with TLS if secure is not nil. prepare sets the fields that must not change later.
func newProxy(t testing.TB, secure *tls.Config, prepare func(*tcpProxy)) *tcpProxy {
	t.Helper()
	p := &tcpProxy{target: server(t).Host, conns: map[net.Conn]bool{}, closed: make(chan struct{})}
	if prepare != nil {
		prepare(p)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	p.listener = listener
	p.users.Go(p.accept)
	t.Cleanup(func() {
		close(p.closed)
		listener.Close()
		p.closeConnections()
		p.users.Wait()
	})
	return p
}

func (p *tcpProxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *tcpProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		s3, err := p.dial()
		if err != nil {
			client.Close()
			continue
		}
		if tcp, ok := client.(*net.TCPConn); ok && p.pace > 0 {
			_ = tcp.SetReadBuffer(pieceBytes) // a slow network accepts no more than it can carry
		}
		p.mu.Lock()
		p.conns[client], p.conns[s3] = true, true
		p.mu.Unlock()
		p.users.Go(func() { p.forward(s3, client, nil) })
		p.users.Go(func() { p.forward(client, s3, &p.fromS3) })
	}
}

func (p *tcpProxy) dial() (net.Conn, error) {
	for {
		conn, err := net.Dial("tcp", p.target)
		if err == nil || !p.retry {
			return conn, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-p.closed:
			return nil, err
		}
	}
}

func (p *tcpProxy) forward(to, from net.Conn, count *atomic.Int64) {
	defer to.Close()
	defer from.Close()
	piece := make([]byte, pieceBytes)
	for {
		n, err := from.Read(piece)
		if p.stalled.Load() {
			<-p.closed
			return
		}
		if count != nil {
			count.Add(int64(n))
			if p.change != nil {
				p.change(piece[:n])
			}
		}
		if p.pace > 0 {
			select {
			case <-time.After(p.pace * time.Duration(n) / pieceBytes):
			case <-p.closed:
			}
		}
		if _, werr := to.Write(piece[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (p *tcpProxy) closeConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// newReverseProxy starts an HTTP server that passes each request to handle, which may forward it to the S3 server.
func newReverseProxy(t testing.TB, handle func(w http.ResponseWriter, r *http.Request, s3 http.Handler)) string {
	t.Helper()
	target := server(t).Host
	s3 := &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", target
		r.Out.Host = r.In.Host // the signature covers it
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, s3) }))
	t.Cleanup(front.Close)
	return front.URL
}

// hangUp closes the connection of a request without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// endless is content of any length.
func endless() io.Reader { return readerFunc(func(p []byte) (int, error) { return len(p), nil }) }
