package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"risingstars/platform/certificate/certificatetest"
	"risingstars/platform/web"
)

// secured is a server that speaks https for contest.test, and its client's configuration.
type secured struct {
	bundle
	trust *x509.CertPool
}

func setupSecure(t *testing.T, change ...func(*web.Options)) secured {
	t.Helper()
	now := time.Now()
	content, key := certificatetest.SelfSigned(t, now.Add(-time.Hour), now.Add(time.Hour), "contest.test", "www.test")
	pair, err := tls.X509KeyPair(content, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(content)
	https := func(o *web.Options) {
		o.PublicURL = "https://contest.test"
		o.HTTPS = &web.HTTPS{
			Addr: "127.0.0.1:0",
			Certificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				if name := strings.ToLower(hello.ServerName); name == "contest.test" || name == "www.test" {
					return &pair, nil
				}
				return nil, nil
			},
			Challenge: func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/.well-known/acme-challenge/token" {
					return false
				}
				_, _ = io.WriteString(w, "answer")
				return true
			},
		}
	}
	s := secured{setup(t, append([]func(*web.Options){https}, change...)...), pool}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log ends with\n%s", lastLines(s.log.String(), 20))
		}
	})
	return s
}

func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (s secured) config(name string, protocols ...string) *tls.Config {
	return &tls.Config{RootCAs: s.trust, ServerName: name, NextProtos: protocols, MinVersion: tls.VersionTLS12}
}

// client connects to the server, whatever the host of the address.
func (s secured) client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: s.config(""), ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			to := s.Addr()
			if strings.HasSuffix(address, ":443") {
				to = s.SecureAddr()
			}
			return (&net.Dialer{}).DialContext(ctx, network, to)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s secured) do(t *testing.T, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := s.client(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// dialTLS opens a connection with a protocol of ALPN.
func (s secured) dialTLS(t *testing.T, from, protocol string) *tls.Conn {
	t.Helper()
	k := dialFrom(t, from, s.SecureAddr())
	c := tls.Client(k.Conn, s.config("contest.test", protocol))
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheSiteIsServedByHTTPSAtItsOwnAddressAlone(t *testing.T) {
	t.Parallel()
	s := setupSecure(t)
	s.get("/things", func(context.Context) error { return nil })
	s.serve(t)
	for _, c := range []struct {
		method, url string
		headers     []string
		status      int
		location    string
		code        string
	}{
		{"GET", "https://contest.test/things", nil, 204, "", ""},
		{"HEAD", "https://contest.test/things", nil, 204, "", ""},
		{"GET", "https://CONTEST.test./things", nil, 204, "", ""},
		{"GET", "https://www.test/things?a=b&c=%20d", nil, 308, "https://contest.test/things?a=b&c=%20d", ""},
		{"POST", "https://www.test/things", nil, 400, "", "https_required"},
		{"GET", "http://contest.test/things?a=b", nil, 308, "https://contest.test/things?a=b", ""},
		{"HEAD", "http://contest.test/things", nil, 308, "https://contest.test/things", ""},
		{"GET", "http://elsewhere.test//evil.example/x", nil, 308, "https://contest.test//evil.example/x", ""},
		{"GET", "http://192.0.2.1/", nil, 308, "https://contest.test/", ""},
		{"POST", "http://contest.test/things", nil, 400, "", "https_required"},
		{"DELETE", "http://contest.test/nothing", nil, 400, "", "https_required"},
		{"OPTIONS", "http://contest.test/things", nil, 400, "", "https_required"},
		{"GET", "http://contest.test/a", []string{"X-Forwarded-Proto", "https"}, 308, "https://contest.test/a", ""},
		{"GET", "http://contest.test/.well-known/acme-challenge/token", nil, 200, "", ""},
		{
			"GET", "http://contest.test/.well-known/acme-challenge/other", nil, 308,
			"https://contest.test/.well-known/acme-challenge/other", "",
		},
		{"GET", "http://localhost/readyz", nil, 200, "", ""},
		{"GET", "http://localhost/metrics", nil, 200, "", ""},
		{"GET", "http://x.test/livez", []string{"X-Forwarded-For", "::1"}, 308, "https://contest.test/livez", ""},
	} {
		answer, body := s.do(t, c.method, c.url, c.headers...)
		if answer.StatusCode != c.status || answer.Header.Get("Location") != c.location ||
			!strings.Contains(body, c.code) && c.method != "HEAD" {
			t.Errorf("%s %s: %d to %q, %s", c.method, c.url, answer.StatusCode, answer.Header.Get("Location"), body)
		}
		hsts := answer.Header.Get("Strict-Transport-Security")
		home := answer.StatusCode < 300 && strings.HasPrefix(c.url, "https")
		if home && hsts == "" || strings.HasPrefix(c.url, "http:") && c.status != 200 && hsts != "" {
			t.Errorf("%s %s: Strict-Transport-Security is %q", c.method, c.url, hsts)
		}
		if want := strings.HasPrefix(c.url, "https"); want != (answer.ProtoMajor == 2) {
			t.Errorf("%s %s: the protocol is %s", c.method, c.url, answer.Proto)
		}
	}
}

// A scanner of addresses learns no name, and a client of another site no certificate.
func TestUnknownNamesGetNoCertificate(t *testing.T) {
	t.Parallel()
	s := setupSecure(t)
	s.serve(t)
	for _, name := range []string{"", "elsewhere.test", "contest.test.evil.example"} {
		config := &tls.Config{InsecureSkipVerify: true, ServerName: name}
		k := dial(t, s.SecureAddr())
		c := tls.Client(k.Conn, config)
		err := c.HandshakeContext(t.Context())
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") ||
			len(c.ConnectionState().PeerCertificates) > 0 {
			t.Errorf("%q: %v", name, err)
		}
		k.ended(t)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log := s.log.String(); strings.Count(log, "TLS handshake error from 127.0.0.0/24: ") != 3 ||
		strings.Contains(log, "error from 127.0.0.1") {
		t.Errorf("of the clients the log keeps more, or less, than the network:\n%s", log)
	}
}

// Plain text at the TLS port, nothing at all, half of a greeting, old protocols: each ends in time and leaves nothing.
func TestHandshakesAreBoundedInTime(t *testing.T) {
	t.Parallel()
	s := setupSecure(t)
	s.serve(t)
	began := time.Now()
	silent, half := dial(t, s.SecureAddr()), dial(t, s.SecureAddr())
	_, _ = half.Write([]byte{0x16, 3, 1, 2, 0, 1})
	plain := send(t, s.SecureAddr(), "GET / HTTP/1.1\r\nHost: contest.test\r\n\r\n")
	for _, k := range []*keptConnection{plain, silent, half} {
		k.ended(t)
	}
	if took := time.Since(began); took < 9*time.Second || took > 30*time.Second {
		t.Errorf("they ended after %s", took)
	}
	s.wantMetric(t, "http_connections 0")
	old := tls.Client(dial(t, s.SecureAddr()).Conn, &tls.Config{
		RootCAs: s.trust, ServerName: "contest.test", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
	})
	if err := old.HandshakeContext(t.Context()); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

// helloFor returns what a client sends first. To send it again costs nothing, under the race detector, too.
func helloFor(t *testing.T, name string) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, &tls.Config{InsecureSkipVerify: true, ServerName: name}).HandshakeContext(t.Context())
		_ = client.Close()
	}()
	hello := make([]byte, 16<<10)
	n, err := server.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	return hello[:n]
}

func TestOneNetworkHasABoundOfHandshakes(t *testing.T) {
	t.Parallel()
	s := setupSecure(t)
	s.serve(t)
	hello := helloFor(t, "unknown.test") // which costs no signature
	var refused atomic.Bool
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for began := time.Now(); !refused.Load() && time.Since(began) < patience; {
				connection, err := net.Dial("tcp", s.SecureAddr())
				if err != nil {
					t.Error(err)
					return
				}
				_ = connection.SetDeadline(time.Now().Add(patience))
				_, err = connection.Write(hello)
				alert, readErr := io.ReadAll(connection)
				if err = errors.Join(err, readErr, connection.Close()); err != nil || len(alert) == 0 {
					t.Errorf("the answer is %x, %v", alert, err)
					return
				}
				const internalError = 80
				if alert[len(alert)-1] == internalError {
					refused.Store(true)
				}
			}
		})
	}
	group.Wait()
	if !refused.Load() {
		t.Error("none was refused")
	}
	if other := s.dialTLS(t, "127.0.0.2", "http/1.1"); other.ConnectionState().NegotiatedProtocol != "http/1.1" {
		t.Error("another network is not served")
	}
}

// The bounds of connections are those of plain HTTP: of one network, of all, and the longest waiting gives way.
func TestTheBoundsOfConnectionsHoldForTLS(t *testing.T) {
	t.Parallel()
	s := setupSecure(t, func(o *web.Options) { o.Connections, o.ConnectionsEach = 5, 2 })
	h := held{s.bundle, make(chan struct{}, 100), make(chan struct{})}
	h.get("/held", func(ctx context.Context) error {
		h.entered <- struct{}{}
		select {
		case <-h.release:
		case <-ctx.Done():
		}
		return nil
	})
	h.serve(t)
	begin := func(from string) net.Conn {
		k := dialFrom(t, from, h.SecureAddr())
		c := tls.Client(k.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "contest.test"})
		if _, err := io.WriteString(c, "GET /held HTTP/1.1\r\nHost: contest.test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-h.entered
		return c
	}
	first := begin("127.0.0.2")
	begin("127.0.0.2")
	refused := dialFrom(t, "127.0.0.2", h.SecureAddr())
	if err := tls.Client(refused.Conn, &tls.Config{InsecureSkipVerify: true, ServerName: "contest.test"}).
		HandshakeContext(t.Context()); err == nil {
		t.Error("a third connection of one address is served")
	}
	h.wantMetric(t, `http_connections_refused_total{bound="address"} 1`)
	h.wantMetric(t, "http_connections 2")
	_ = first.Close()
	h.wantMetric(t, "http_connections 1")
	// Silent ones, before and after their handshake, give way to whoever asks.
	for range 20 {
		dialFrom(t, "127.0.0.3", h.SecureAddr())
	}
	begin("127.0.0.3")
	close(h.release)
}

// h2 is a client of HTTP/2 that may misbehave.
type h2 struct {
	*http2.Framer
	conn  net.Conn
	block bytes.Buffer
	enc   *hpack.Encoder
	next  uint32
}

func (s secured) h2(t *testing.T, from string, settings ...http2.Setting) *h2 {
	t.Helper()
	conn := s.dialTLS(t, from, "h2")
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	c := &h2{Framer: http2.NewFramer(conn, conn), conn: conn, next: 1}
	c.enc = hpack.NewEncoder(&c.block)
	if err := c.WriteSettings(settings...); err != nil {
		t.Fatal(err)
	}
	return c
}

// headers begins a request and returns its stream.
func (c *h2) headers(method, path string, end bool, more ...hpack.HeaderField) (uint32, error) {
	c.block.Reset()
	for _, f := range append([]hpack.HeaderField{
		{Name: ":method", Value: method},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "contest.test"},
		{Name: ":path", Value: path},
	}, more...) {
		_ = c.enc.WriteField(f)
	}
	id := c.next
	c.next += 2
	return id, c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: c.block.Bytes(), EndStream: end, EndHeaders: true,
	})
}

// until reads frames until one is what a test waits for, or the connection ends.
func (c *h2) until(is func(http2.Frame) bool) (http2.Frame, error) {
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			return nil, err
		}
		if is(frame) {
			return frame, nil
		}
	}
}

func TestOneNetworkHasABoundOfRequestsOnHTTP2(t *testing.T) {
	t.Parallel()
	s := setupSecure(t, func(o *web.Options) { o.Connections, o.ConnectionsEach = 40, 10 })
	var running, most atomic.Int64
	release := make(chan struct{})
	s.get("/held", func(ctx context.Context) error {
		now := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	s.serve(t)
	c := s.h2(t, "127.0.0.2")
	for range 25 {
		if _, err := c.headers("GET", "/held", true); err != nil {
			t.Fatal(err)
		}
	}
	s.wantMetric(t, `http_streams_refused_total{bound="address"} 15`)
	s.wantMetric(t, "http_streams 10")
	certificatetest.Eventually(t, "all of them run", func() bool { return running.Load() == 10 })
	if answer, _ := s.do(t, "GET", "https://contest.test/health"); answer.StatusCode != http.StatusOK {
		t.Errorf("another network gets %d", answer.StatusCode)
	}
	close(release)
	s.wantMetric(t, "http_streams 0")
	if most.Load() != 10 {
		t.Errorf("%d ran at once", most.Load())
	}
}

// Requests that are taken back at once (CVE-2023-44487) run no more handlers than the streams that are allowed, and end
// the connection.
func TestRapidResetsEndTheConnection(t *testing.T) {
	t.Parallel()
	s := setupSecure(t)
	var running, most, all atomic.Int64
	s.get("/slow", func(context.Context) error {
		all.Add(1)
		now := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		time.Sleep(200 * time.Millisecond) // work that does not see that nobody waits
		return nil
	})
	s.serve(t)
	c := s.h2(t, "127.0.0.2")
	var group sync.WaitGroup
	var calm atomic.Bool
	group.Go(func() {
		_, _ = c.until(func(f http2.Frame) bool {
			away, ok := f.(*http2.GoAwayFrame)
			calm.Store(ok && away.ErrCode == http2.ErrCodeEnhanceYourCalm)
			return calm.Load()
		})
	})
	var err error
	sent := 0
	for ; sent < 1_000_000 && err == nil && !calm.Load(); sent++ {
		var id uint32
		if id, err = c.headers("GET", "/slow", true); err == nil {
			err = c.WriteRSTStream(id, http2.ErrCodeCancel)
		}
	}
	_ = c.conn.Close()
	group.Wait()
	if !calm.Load() {
		t.Errorf("the connection bore %d resets, %v", sent, err)
	}
	if most.Load() > 100 {
		t.Errorf("%d handlers ran at once", most.Load())
	}
	t.Logf("%d requests were sent and taken back, %d handlers ran, %d at once", sent, all.Load(), most.Load())
	s.wantMetric(t, "http_streams 0")
}

// Headers without end, a frame that is too large, and headers above 16 KiB are not kept.
func TestHeadersOfHTTP2AreBounded(t *testing.T) {
	t.Parallel()
	s := setupSecure(t)
	s.get("/things", func(context.Context) error { return nil })
	s.serve(t)
	c := s.h2(t, "127.0.0.2")
	_, err := c.headers("GET", "/things", true) // fills the buffer
	if err != nil {
		t.Fatal(err)
	}
	const id = 3
	for i := range 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: fmt.Sprint("x", i), Value: strings.Repeat("^", 9<<10)})
	}
	half := c.block.Len() / 2
	err = c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes()[:half], EndStream: true})
	if err == nil {
		err = c.WriteContinuation(id, true, c.block.Bytes()[half:])
	}
	if err != nil {
		t.Fatal(err)
	}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	frame, err := c.until(func(f http2.Frame) bool { return f.Header().StreamID == id })
	if meta, ok := frame.(*http2.MetaHeadersFrame); err != nil || !ok || meta.PseudoValue("status") != "431" {
		t.Errorf("large headers: %v, %v", frame, err)
	}

	c = s.h2(t, "127.0.0.2")
	c.block.Reset()
	_ = c.enc.WriteField(hpack.HeaderField{Name: "x", Value: strings.Repeat("v", 8<<10)})
	if err = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block.Bytes()}); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for ; sent < 64<<20 && err == nil; sent += c.block.Len() {
		err = c.WriteContinuation(1, false, c.block.Bytes())
	}
	if err == nil {
		t.Errorf("the connection accepts %d bytes of one header", sent)
	}
	t.Logf("it ended after %d bytes", sent)
}

// The client accepts no byte of this answer, while its connection is well.
func TestAnAnswerThatAnHTTP2ClientDoesNotAcceptIsGivenUp(t *testing.T) {
	t.Parallel()
	s := setupSecure(t, func(o *web.Options) { o.Pace.Stall = 500 * time.Millisecond })
	ended := make(chan error, 10)
	op := huma.Operation{Method: http.MethodGet, Path: "/big", OperationID: "big"}
	s.Handle(op, web.Use{Stream: true}, func(c echo.Context) error {
		_, err := c.Response().Write(make([]byte, 1<<20))
		ended <- err
		return nil
	})
	s.serve(t)
	c := s.h2(t, "127.0.0.2", http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	id, err := c.headers("GET", "/big", true)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := c.until(func(f http2.Frame) bool { _, ok := f.(*http2.RSTStreamFrame); return ok })
	if err != nil || frame.Header().StreamID != id {
		t.Errorf("%v, %v", frame, err)
	}
	if err := <-ended; err == nil {
		t.Error("the handler wrote all")
	}
	// The connection goes on, and so does an answer of which something is accepted now and then.
	if err := c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 16 << 10}); err != nil {
		t.Fatal(err)
	}
	if _, err = c.headers("GET", "/big", true); err != nil {
		t.Fatal(err)
	}
	got := 0
	_, err = c.until(func(f http2.Frame) bool {
		if data, ok := f.(*http2.DataFrame); ok {
			got += len(data.Data())
			if got%(64<<10) == 0 {
				time.Sleep(100 * time.Millisecond) // a slow line
			}
			_ = c.WriteWindowUpdate(0, uint32(len(data.Data())))
			_ = c.WriteWindowUpdate(f.Header().StreamID, uint32(len(data.Data())))
			return data.StreamEnded()
		}
		return false
	})
	if err != nil || got != 1<<20 {
		t.Errorf("a slow client got %d bytes, %v", got, err)
	}
}

// The pace of bodies on HTTP/2 is that of HTTP/1: what the handler takes for itself is not the client's fault.
func TestBodiesOnHTTP2HaveTheSamePace(t *testing.T) {
	t.Parallel()
	const stall = 300 * time.Millisecond
	s := setupSecure(t, func(o *web.Options) { o.Pace = web.Pace{Body: stall, Stall: stall, Window: time.Hour} })
	op := huma.Operation{Method: http.MethodPost, Path: "/stream", OperationID: "stream"}
	s.Handle(op, web.Use{Stream: true}, func(c echo.Context) error {
		part := make([]byte, 1000)
		if _, err := io.ReadFull(c.Request().Body, part); err != nil {
			return err
		}
		time.Sleep(3 * stall) // a slow disk
		rest, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return c.String(http.StatusRequestTimeout, err.Error())
		}
		return c.String(http.StatusOK, fmt.Sprint(len(rest)))
	})
	s.serve(t)
	ask := func(pause time.Duration) int {
		c := s.h2(t, "127.0.0.2")
		c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		id, err := c.headers("POST", "/stream", false)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.WriteData(id, false, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause)
		_ = c.WriteData(id, true, make([]byte, 500))
		frame, err := c.until(func(f http2.Frame) bool { _, ok := f.(*http2.MetaHeadersFrame); return ok })
		if err != nil {
			t.Fatal(err)
		}
		status := 0
		_, _ = fmt.Sscan(frame.(*http2.MetaHeadersFrame).PseudoValue("status"), &status)
		return status
	}
	if status := ask(0); status != http.StatusOK {
		t.Errorf("a handler that pauses ends the body: %d", status)
	}
	if status := ask(8 * stall); status != http.StatusRequestTimeout {
		t.Errorf("a client that stalls gets %d", status)
	}
}

// A stop lets requests finish, on HTTP/2 as on HTTP/1, and cuts off what does not.
func TestAStopEndsHTTP2ConnectionsGracefully(t *testing.T) {
	t.Parallel()
	s := setupSecure(t, func(o *web.Options) { o.Drain = patience })
	entered, release := make(chan struct{}), make(chan struct{})
	s.get("/held", func(context.Context) error { close(entered); <-release; return nil })
	s.serve(t)
	c := s.h2(t, "127.0.0.2")
	silent := dial(t, s.SecureAddr())
	id, err := c.headers("GET", "/held", true)
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(context.Background()) }()
	for s.ask(http.MethodGet, "https://contest.test/readyz", "").Code == http.StatusOK {
		time.Sleep(time.Millisecond)
	}
	close(release)
	answered, goAway := false, false
	for !answered || !goAway {
		frame, err := c.ReadFrame()
		if err != nil {
			t.Fatalf("answered: %v, told to go away: %v, %v", answered, goAway, err)
		}
		switch f := frame.(type) {
		case *http2.GoAwayFrame:
			goAway = true
		case *http2.HeadersFrame:
			answered = f.StreamID == id
		}
	}
	_ = silent.Close()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestTrustedProxiesHaveNoBoundOfStreamsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := setupSecure(t, func(o *web.Options) {
		o.Connections, o.ConnectionsEach = 40, 1
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
	})
	release := make(chan struct{})
	s.get("/held", func(context.Context) error { <-release; return nil })
	s.serve(t)
	c := s.h2(t, "127.0.0.2")
	for range 5 {
		if _, err := c.headers("GET", "/held", true); err != nil {
			t.Fatal(err)
		}
	}
	s.wantMetric(t, "http_streams 5")
	close(release)
}
