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

// wire is a line to the S3 server that can be watched and disturbed. It moves bytes and knows nothing of HTTP.
type wire struct {
	listener net.Listener
	target   string
	fromS3   atomic.Int64         // bytes that left the server
	stalled  atomic.Bool          // nothing moves, while connections stay
	change   func(content []byte) // what the server sends, on its way; nil = as it is
	pace     time.Duration        // between two pieces of 64 KiB; 0 = none
	waits    bool                 // for a server that is not there, instead of hanging up

	mu    sync.Mutex
	conns map[net.Conn]bool
	gone  chan struct{}
	users sync.WaitGroup
}

// newWire has an end that speaks TLS when a configuration is given. prepare sets what must not change later.
func newWire(t testing.TB, secure *tls.Config, prepare func(*wire)) *wire {
	t.Helper()
	w := &wire{target: server(t).Host, conns: map[net.Conn]bool{}, gone: make(chan struct{})}
	if prepare != nil {
		prepare(w)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	w.listener = listener
	w.users.Go(w.accept)
	t.Cleanup(func() {
		close(w.gone)
		listener.Close()
		w.cut()
		w.users.Wait()
	})
	return w
}

func (w *wire) url() string { return "http://" + w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		s3, err := w.dial()
		if err != nil {
			client.Close()
			continue
		}
		if tcp, ok := client.(*net.TCPConn); ok && w.pace > 0 {
			_ = tcp.SetReadBuffer(64 << 10) // a slow line takes no more than it carries
		}
		w.mu.Lock()
		w.conns[client], w.conns[s3] = true, true
		w.mu.Unlock()
		w.users.Go(func() { w.move(s3, client, nil) })
		w.users.Go(func() { w.move(client, s3, &w.fromS3) })
	}
}

func (w *wire) dial() (net.Conn, error) {
	for {
		conn, err := net.Dial("tcp", w.target)
		if err == nil || !w.waits {
			return conn, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-w.gone:
			return nil, err
		}
	}
}

func (w *wire) move(to, from net.Conn, count *atomic.Int64) {
	defer to.Close()
	defer from.Close()
	piece := make([]byte, 64<<10)
	for {
		n, err := from.Read(piece)
		if w.stalled.Load() {
			<-w.gone
			return
		}
		if count != nil {
			count.Add(int64(n))
			if w.change != nil {
				w.change(piece[:n])
			}
		}
		if w.pace > 0 {
			select {
			case <-time.After(w.pace):
			case <-w.gone:
			}
		}
		if _, werr := to.Write(piece[:n]); err != nil || werr != nil {
			return
		}
	}
}

// cut ends every connection.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.Close()
	}
	clear(w.conns)
}

// newFront is an HTTP server before the S3 server, where each request passes through handle.
func newFront(t testing.TB, handle func(w http.ResponseWriter, r *http.Request, s3 http.Handler)) string {
	t.Helper()
	target := server(t).Host
	s3 := &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", target
		r.Out.Host = r.In.Host // it is signed
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, s3) }))
	t.Cleanup(front.Close)
	return front.URL
}

// hangUp ends the connection of a request without an answer.
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
