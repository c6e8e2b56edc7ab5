package web_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"risingstars/platform/web"
)

// held is a server with a request that a handler holds until release.
type held struct {
	bundle
	entered chan struct{}
	release chan struct{}
}

func hold(t *testing.T, change ...func(*web.Options)) held {
	t.Helper()
	h := held{setup(t, change...), make(chan struct{}, 100), make(chan struct{})}
	h.get("/held", func(ctx context.Context) error {
		h.entered <- struct{}{}
		select {
		case <-h.release:
		case <-ctx.Done():
		}
		return nil
	})
	h.get("/quick", func(context.Context) error { return nil })
	h.serve(t)
	return h
}

// begin opens a connection from a local address and begins a request that is held.
func (h held) begin(t *testing.T, from string) *keptConnection {
	t.Helper()
	k := h.dialFrom(t, from)
	if _, err := k.Write([]byte("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.entered:
	case <-time.After(patience):
		t.Fatal("the request does not arrive")
	}
	return k
}

func (h held) dialFrom(t *testing.T, from string) *keptConnection {
	t.Helper()
	return dialFrom(t, from, h.Addr())
}

// metric returns the lines of a metric.
func (b bundle) metric(name string) string {
	var found []string
	for line := range strings.Lines(b.ask(http.MethodGet, "https://contest.test/metrics", "").Body.String()) {
		if rest, ok := strings.CutPrefix(line, name); ok && strings.ContainsAny(rest[:1], " {") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "; ")
}

func (b bundle) wantMetric(t *testing.T, line string) {
	t.Helper()
	name := line[:strings.IndexAny(line, " {")]
	got := b.metric(name)
	for deadline := time.Now().Add(patience); got != line && time.Now().Before(deadline); got = b.metric(name) {
		time.Sleep(time.Millisecond)
	}
	if got != line {
		t.Fatalf("the metric is %q, want %q", got, line)
	}
}

func wantRefused(t *testing.T, k *keptConnection) {
	t.Helper()
	response, err := http.ReadResponse(k.answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" ||
		response.Header.Get("Content-Type") != "application/problem+json" || !response.Close {
		t.Fatalf("the answer is %s with %v", response.Status, response.Header)
	}
}

func TestOneAddressHasABoundOfConnectionsAndOthersConnectStill(t *testing.T) {
	t.Parallel()
	h := hold(t, func(o *web.Options) { o.Connections, o.ConnectionsEach = 5, 2 })
	first, second := h.begin(t, "127.0.0.2"), h.begin(t, "127.0.0.2")
	wantRefused(t, h.dialFrom(t, "127.0.0.2"))
	h.wantMetric(t, `http_connections_refused_total{bound="address"} 1`)
	h.wantMetric(t, "http_connections 2")
	h.begin(t, "127.0.0.3")

	_ = first.Close() // makes room
	h.wantMetric(t, "http_connections 2")
	h.begin(t, "127.0.0.2")
	wantRefused(t, h.dialFrom(t, "127.0.0.2"))
	close(h.release)
	if status, _ := second.answer(t); status != http.StatusNoContent {
		t.Errorf("the request that was held ended with %d", status)
	}
}

func TestTheProcessHasABoundOfConnections(t *testing.T) {
	t.Parallel()
	h := hold(t, func(o *web.Options) { o.Connections, o.ConnectionsEach = 3, 2 })
	h.begin(t, "127.0.0.2")
	h.begin(t, "127.0.0.2")
	h.begin(t, "127.0.0.3")
	wantRefused(t, h.dialFrom(t, "127.0.0.3"))
	h.wantMetric(t, `http_connections_refused_total{bound="process"} 1`)
}

// The people of a concert keep more connections than their common address may have. Each newcomer replaces the one that
// has been idle for the longest.
func TestANewConnectionReplacesTheOneThatHasWaitedLongest(t *testing.T) {
	t.Parallel()
	h := hold(t, func(o *web.Options) { o.Connections, o.ConnectionsEach = 100, 4 })
	busy := h.begin(t, "127.0.0.2")
	other := h.dialFrom(t, "127.0.0.3")
	if _, _, err := other.ask("/quick"); err != nil {
		t.Fatal(err)
	}
	h.wantMetric(t, "http_connections_waiting 1")
	phones := make([]*keptConnection, 20)
	for i := range phones {
		phones[i] = h.dialFrom(t, "127.0.0.2")
		if status, _, err := phones[i].ask("/quick"); status != http.StatusNoContent || err != nil {
			t.Fatalf("phone %d: %d, %v", i, status, err)
		}
		// The answer arrives a moment before the server knows that the connection waits again.
		h.wantMetric(t, fmt.Sprintf("http_connections_waiting %d", 1+min(i+1, 3)))
	}
	for i, phone := range phones[:17] {
		if status, _, err := phone.ask("/quick"); err == nil {
			t.Errorf("phone %d still gets %d", i, status)
		}
	}
	for i, kept := range append(phones[17:], other) {
		if status, _, err := kept.ask("/quick"); status != http.StatusNoContent || err != nil {
			t.Errorf("kept connection %d: %d, %v", i, status, err)
		}
	}
	h.wantMetric(t, "http_connections 5")
	if refused := h.metric("http_connections_refused_total"); refused != "" {
		t.Errorf("refused were %s", refused)
	}
	close(h.release)
	if status, _ := busy.answer(t); status != http.StatusNoContent {
		t.Errorf("the request that was held ended with %d", status)
	}
}

// Connections that never send a request do not keep others from theirs.
func TestSilentConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	h := hold(t, func(o *web.Options) { o.Connections, o.ConnectionsEach = 8, 4 })
	for range 50 {
		h.dialFrom(t, "127.0.0.2")
		send(t, h.Addr(), "GET / HTTP/1.1\r\nHost: x\r\nHalf")
	}
	for _, from := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
		if status, _, err := h.dialFrom(t, from).ask("/quick"); status != http.StatusNoContent || err != nil {
			t.Errorf("%s is answered with %d (%v)", from, status, err)
		}
	}
}

func TestATrustedProxyHasNoBoundOfItsOwn(t *testing.T) {
	t.Parallel()
	h := hold(t, func(o *web.Options) {
		o.Connections, o.ConnectionsEach = 4, 1
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
	})
	for range 3 {
		h.begin(t, "127.0.0.2")
	}
	h.begin(t, "127.0.0.3")
	wantRefused(t, h.dialFrom(t, "127.0.0.2"))
	h.wantMetric(t, `http_connections_refused_total{bound="process"} 1`)
}

func dialFrom(t *testing.T, from, address string) *keptConnection {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	connection, err := dialer.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return keep(t, connection)
}
