package contracttest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// remembered is how many bytes of a JSON body are kept for the check.
const remembered = 4 << 20

// Transport returns a transport whose answers are checked by Check; nil stands for http.DefaultTransport. An answer is
// checked when its body has been read to the end or closed. Of an answer that is closed before its end, the status and
// the headers are checked. The test must not end before its clients do.
func Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return transport{t, next}
}

// Client is http.DefaultClient with a checking transport.
func Client(t testing.TB) *http.Client { return &http.Client{Transport: Transport(t, nil)} }

type transport struct {
	t    testing.TB
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &seenBody{ReadCloser: response.Body, check: func(body []byte) {
		Check(c.t, request, Answer{response.StatusCode, response.Header, body})
	}}
	return response, nil
}

// CloseIdleConnections lets clients close what they no longer need.
func (c transport) CloseIdleConnections() {
	if closer, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// seenBody remembers what is read, and checks it once.
type seenBody struct {
	io.ReadCloser
	kept  bytes.Buffer
	check func(body []byte)
	once  sync.Once
}

// Read implements io.Reader.
func (b *seenBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.kept.Len() <= remembered {
		_, _ = b.kept.Write(p[:n])
	}
	if errors.Is(err, io.EOF) {
		b.once.Do(func() { b.check(complete(&b.kept)) })
	}
	return n, err
}

// Close implements io.Closer.
func (b *seenBody) Close() error {
	b.once.Do(func() { b.check(nil) })
	return b.ReadCloser.Close()
}

// complete returns what was kept of a body, or nil if that is not all.
func complete(kept *bytes.Buffer) []byte {
	if kept.Len() > remembered {
		return nil
	}
	return kept.Bytes()
}

// Proxy runs a proxy in front of the app until the test ends, and returns its URL: for clients that are programs of
// their own. It checks each answer that passes.
func Proxy(t testing.TB, app string) string {
	t.Helper()
	target, err := url.Parse(app)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: Transport(t, &http.Transport{DisableCompression: true}),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // of which the app makes its links
		},
		FlushInterval: -1,
	})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// Handler returns a handler whose answers are checked: for tests that call it without a network.
func Handler(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := r.Clone(r.Context()) // as it was sent
		seen := &seenAnswer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		Check(t, request, Answer{seen.status, w.Header(), complete(&seen.body)})
	})
}

// seenAnswer remembers what is written.
type seenAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (s *seenAnswer) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *seenAnswer) Write(p []byte) (int, error) {
	if s.body.Len() <= remembered {
		_, _ = s.body.Write(p)
	}
	return s.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what the writer can do.
func (s *seenAnswer) Unwrap() http.ResponseWriter { return s.ResponseWriter }
