package site_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

var uploadID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// line is the way from a browser to the site: it counts the bytes of parts, and can be cut.
type line struct {
	*httptest.Server
	target *url.URL
	cut    atomic.Bool
	missed atomic.Int64 // requests since the line was cut
	bytes  atomic.Int64 // of parts, whether or not they arrived whole
	puts   atomic.Int64
	mend   sync.Mutex
	before func(r *http.Request) (refused bool, status int) // nil: all pass
	torn   sync.Map                                         // requests whose next answer is cut after its first byte
}

func (h *house) line(t *testing.T) *line {
	t.Helper()
	target, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{target: target}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(answer *http.Response) error {
		request := answer.Request.Method + " " + uploadID.ReplaceAllString(answer.Request.URL.Path, "ID")
		if _, torn := l.torn.LoadAndDelete(request); torn {
			answer.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(answer.Body, 1), iotest.ErrReader(io.ErrUnexpectedEOF)), answer.Body}
		}
		return nil
	}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.cut.Load() {
			l.missed.Add(1)
			panic(http.ErrAbortHandler)
		}
		l.mend.Lock()
		before := l.before
		l.mend.Unlock()
		if before != nil {
			if refused, status := before(r); refused {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(status)
				return
			}
		}
		if r.Method == http.MethodPut {
			l.puts.Add(1)
			r.Body = counted{r.Body, &l.bytes}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	return l
}

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// meddle makes the line do something to each request.
func (l *line) meddle(before func(r *http.Request) (refused bool, status int)) {
	l.mend.Lock()
	defer l.mend.Unlock()
	l.before = before
}

// cutNow breaks all connections, and lets none through until mended.
func (l *line) cutNow() {
	l.missed.Store(0)
	l.cut.Store(true)
	l.CloseClientConnections()
}

func (l *line) mended() { l.cut.Store(false) }

// waitRefused waits until so many requests have met the cut line.
func (l *line) waitRefused(t *testing.T, requests int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); l.missed.Load() < requests; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d requests are sent, want %d", l.missed.Load(), requests)
		}
	}
}

// waitSent waits until so many bytes of parts have come through the line.
func (l *line) waitSent(t *testing.T, bytes int64, most time.Duration) {
	t.Helper()
	for end := time.Now().Add(most); l.bytes.Load() < bytes; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are sent, want %d", l.bytes.Load(), bytes)
		}
	}
}
