package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"risingstars/platform/web"
)

// keptConnection is one that its client keeps open.
type keptConnection struct {
	net.Conn
	answers *bufio.Reader
}

func dial(t *testing.T, address string) *keptConnection {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return keep(t, connection)
}

func keep(t *testing.T, connection net.Conn) *keptConnection {
	t.Helper()
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(patience))
	return &keptConnection{connection, bufio.NewReader(connection)}
}

// ask sends one request; it returns the answer's status and whether the answer is the connection's last.
func (k *keptConnection) ask(path string) (status int, last bool, err error) {
	if _, err := fmt.Fprintf(k, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return 0, false, err
	}
	response, err := http.ReadResponse(k.answers, nil)
	if err != nil {
		return 0, false, err
	}
	return response.StatusCode, response.Close, nil
}

func TestDrainLetsKeptConnectionsCarryTheirLastAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.Drain = time.Hour })
	b.get("/quick", func(context.Context) error { return nil })
	b.serve(t)
	a, c := dial(t, b.Addr()), dial(t, b.Addr())
	for _, k := range []*keptConnection{a, c} {
		if status, last, err := k.ask("/quick"); status != http.StatusNoContent || last || err != nil {
			t.Fatalf("before the stop: %d, last %v, %v", status, last, err)
		}
	}
	stopped := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	go func() { stopped <- b.Stop(ctx) }()
	for { // until the server refuses connections
		connection, err := net.Dial("tcp", b.Addr())
		if err != nil {
			break
		}
		_ = connection.Close()
	}
	if status, last, err := a.ask("/readyz"); status != http.StatusServiceUnavailable || !last || err != nil {
		t.Fatalf("readyz while draining: %d, last %v, %v", status, last, err)
	}
	select {
	case err := <-stopped:
		t.Fatalf("Stop returned %v although a kept connection may still send a request", err)
	case <-time.After(50 * time.Millisecond):
	}
	if status, last, err := c.ask("/quick"); status != http.StatusNoContent || !last || err != nil {
		t.Fatalf("while draining: %d, last %v, %v", status, last, err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Error("the stop went on although no connection was open")
	}
}

func TestDrainEndsAfterItsTime(t *testing.T) {
	t.Parallel()
	const drain = 200 * time.Millisecond
	b := setup(t, func(o *web.Options) { o.Drain, o.Grace = drain, time.Hour })
	b.get("/quick", func(context.Context) error { return nil })
	b.serve(t)
	silent := dial(t, b.Addr())
	if _, _, err := silent.ask("/quick"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	if err := b.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < drain || ctx.Err() != nil {
		t.Errorf("the stop took %s", took)
	}
	if _, _, err := silent.ask("/quick"); err == nil {
		t.Error("the connection is still open")
	}
}

// Every client that is connected when the stop begins gets an answer, even if the server has not accepted it yet.
func TestEveryConnectedClientIsAnsweredDuringAStop(t *testing.T) {
	t.Parallel()
	const rounds, clients = 10, 32
	for range rounds {
		b := setup(t, func(o *web.Options) { o.Drain = patience })
		b.get("/quick", func(context.Context) error { return nil })
		b.serve(t)
		connected := make([]*keptConnection, clients)
		for i := range connected {
			connection, err := net.Dial("tcp", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			_ = connection.SetDeadline(time.Now().Add(2 * patience))
			connected[i] = &keptConnection{connection, bufio.NewReader(connection)}
		}
		var group sync.WaitGroup
		group.Go(func() {
			if err := b.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		for _, k := range connected {
			group.Go(func() {
				if status, _, err := k.ask("/quick"); status != http.StatusNoContent || err != nil {
					t.Errorf("the answer is %d (%v)", status, err)
				}
				_ = k.Close()
			})
		}
		group.Wait()
	}
}
