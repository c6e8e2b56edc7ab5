package web

import (
	"container/list"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"risingstars/platform/limit"
)

const (
	mostConnections = 4096 // unless Options.Connections says otherwise or the system allows fewer
	refuseRetry     = 5    // seconds after which a client whose connection is refused may try again
)

// connections keeps track of the open connections and bounds how many there are, of one network and of all. A network
// is an address, or for IPv6 a /64, as in Client. Trusted proxies have many clients, so only the bound for all counts
// them.
//
// Beyond a bound a new connection replaces the one that has waited longest for a request, as most of those that
// browsers keep do. If none waits, the new one is refused.
type connections struct {
	stall   time.Duration // Pace.Stall
	exempt  func(netip.Addr) bool
	refused *prometheus.CounterVec

	refusedStreams *prometheus.CounterVec

	mu       sync.Mutex
	all      crowd
	networks map[netip.Prefix]*crowd
	most     int           // in all
	mostEach int           // of one network
	none     chan struct{} // closed when the last one closes; nil while nobody waits
}

// crowd counts the open connections of one network or of all.
type crowd struct {
	open    int
	streams int       // requests under way on HTTP/2 connections
	waiting list.List // of *connection, the one that has waited longest first
}

// longestWaiting returns nil if none waits.
func (c *crowd) longestWaiting() *connection {
	if first := c.waiting.Front(); first != nil {
		k, _ := first.Value.(*connection)
		return k
	}
	return nil
}

// newConnections panics if its metrics are already registered.
func newConnections(o Options, exempt func(netip.Addr) bool) *connections {
	c := &connections{
		stall: o.Pace.Stall, exempt: exempt, networks: map[netip.Prefix]*crowd{},
		most: o.Connections, mostEach: o.ConnectionsEach,
	}
	if c.most == 0 {
		c.most = min(mostConnections, fileLimit()/2)
	}
	if c.mostEach == 0 {
		c.mostEach = max(1, c.most/4)
	}
	metrics := promauto.With(o.Registerer)
	gauge := func(name, help string, count func() int) {
		metrics.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			c.mu.Lock()
			defer c.mu.Unlock()
			return float64(count())
		})
	}
	gauge("http_connections", "Open connections.", func() int { return c.all.open })
	gauge("http_connections_waiting", "Open connections that wait for a request.", c.all.waiting.Len)
	gauge("http_streams", "Requests under way on HTTP/2 connections.", func() int { return c.all.streams })
	c.refusedStreams = metrics.NewCounterVec(prometheus.CounterOpts{
		Name: "http_streams_refused_total",
		Help: "Requests on HTTP/2 connections that were refused because as many were under way as one address or the " +
			"process may have connections.",
	}, []string{"bound"})
	c.refused = metrics.NewCounterVec(prometheus.CounterOpts{
		Name: "http_connections_refused_total",
		Help: "Connections that were refused because as many were open as one address or the process may have.",
	}, []string{"bound"})
	return c
}

// fileLimit returns how many files and connections the system lets this process open.
func fileLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<20 {
		return 1 << 20
	}
	return int(limit.Cur)
}

// admit returns a new connection as the server uses it, or refuses it and returns nil.
func (c *connections) admit(tcp *net.TCPConn) net.Conn { return c.admitOr(tcp, refuse) }

// admitSecure is admit for clients that speak TLS: they would not understand a refusal in plain text.
func (c *connections) admitSecure(tcp *net.TCPConn) net.Conn {
	return c.admitOr(tcp, func(tcp *net.TCPConn) { _ = tcp.Close() })
}

func (c *connections) admitOr(tcp *net.TCPConn, refuse func(*net.TCPConn)) net.Conn {
	k := &connection{TCPConn: tcp, stall: c.stall}
	if remote, ok := tcp.RemoteAddr().(*net.TCPAddr); ok {
		k.addr = remote.AddrPort().Addr().Unmap()
		k.logged = loggedNetwork(k.addr)
		if !c.exempt(k.addr) {
			k.network = networkOf(k.addr)
		}
	}
	replaced, bound := c.add(k)
	if bound != "" {
		c.refused.WithLabelValues(bound).Inc()
		refuse(tcp)
		return nil
	}
	if replaced != nil {
		_ = replaced.Close()
	}
	limitUnsent(tcp)
	return k
}

// add counts k as open and waiting. It returns the connection that k replaces, if any, or else the bound that keeps k
// out: "address" or "process".
func (c *connections) add(k *connection) (replaced *connection, bound string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.network.IsValid() {
		if k.siblings = c.networks[k.network]; k.siblings == nil {
			k.siblings = &crowd{}
		}
	}
	full := &c.all
	switch {
	case k.siblings != nil && k.siblings.open >= c.mostEach:
		full, bound = k.siblings, "address"
	case c.all.open >= c.most:
		bound = "process"
	}
	if bound != "" {
		if replaced = full.longestWaiting(); replaced == nil {
			return nil, bound
		}
		c.remove(replaced)
	}
	c.all.open++
	if k.siblings != nil {
		c.networks[k.network] = k.siblings
		k.siblings.open++
	}
	k.open = true
	c.wait(k)
	return replaced, ""
}

// stateChanged is http.Server's ConnState.
func (c *connections) stateChanged(conn net.Conn, state http.ConnState) {
	k := connectionUnder(conn)
	if k == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateActive:
		c.serve(k)
	case http.StateIdle:
		c.wait(k)
	case http.StateClosed, http.StateHijacked:
		c.remove(k)
	case http.StateNew: // add has counted it
	}
}

// wait notes that k waits for a request. The caller holds the mutex, as for serve and remove.
func (c *connections) wait(k *connection) {
	if !k.open || k.inAll != nil {
		return
	}
	k.inAll = c.all.waiting.PushBack(k)
	if k.siblings != nil {
		k.inSiblings = k.siblings.waiting.PushBack(k)
	}
}

// serve notes that k has a request, so that nothing may replace it.
func (c *connections) serve(k *connection) {
	if k.inAll == nil {
		return
	}
	c.all.waiting.Remove(k.inAll)
	if k.siblings != nil {
		k.siblings.waiting.Remove(k.inSiblings)
	}
	k.inAll, k.inSiblings = nil, nil
}

func (c *connections) remove(k *connection) {
	if !k.open {
		return
	}
	c.serve(k)
	k.open = false
	c.all.open--
	if k.siblings != nil {
		k.siblings.open--
		c.forget(k)
	}
	if c.all.open == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}

// forget drops the crowd of a network of which nothing is left. The caller holds the mutex.
func (c *connections) forget(k *connection) {
	if k.siblings.open == 0 && k.siblings.streams == 0 && c.networks[k.network] == k.siblings {
		delete(c.networks, k.network)
	}
}

// waitForNone returns when no connection is open, the timeout has passed or ctx ends. It must be called at most once.
func (c *connections) waitForNone(ctx context.Context, timeout time.Duration) {
	none := make(chan struct{})
	c.mu.Lock()
	if c.all.open == 0 {
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

// networkOf returns what counts as one client: the address, or for IPv6 its /64, which is what a household has.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	network, _ := addr.Prefix(bits) // the number of bits fits
	return network
}

// refuse answers a connection before its request has arrived, and closes it. The few bytes fit into the empty buffer of
// a new connection, so it does not block.
func refuse(tcp *net.TCPConn) {
	defer tcp.Close()
	p := NewProblem(context.Background(), limit.ErrBusy.WithRetryAfter(refuseRetry))
	body, err := json.Marshal(p)
	if err != nil {
		return
	}
	_ = tcp.SetWriteDeadline(time.Now().Add(time.Second))
	// An error means that the client is gone.
	_, _ = fmt.Fprintf(tcp, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n"+
		"Retry-After: %d\r\nCache-Control: no-store\r\n\r\n%s",
		p.Status, p.Title, p.ContentType(""), len(body), refuseRetry, body)
}
