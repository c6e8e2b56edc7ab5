package web_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/web"
)

// serve starts the server on a free port.
func (b bundle) serve(t *testing.T) (url string) {
	t.Helper()
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Stop(context.Background()) })
	return "http://" + b.Addr()
}

// call sends a request in the background. The channel receives the answer's status, or 0 if the answer was cut off.
func call(t *testing.T, url string) <-chan int {
	t.Helper()
	status := make(chan int, 1)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			status <- 0
			return
		}
		_ = response.Body.Close()
		status <- response.StatusCode
	}()
	return status
}

func TestStopLetsRequestsFinishWithinTheGrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entered, release := make(chan struct{}), make(chan struct{})
	b.get("/slow", func(context.Context) error { close(entered); <-release; return nil })
	status := call(t, b.serve(t)+"/slow")
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- b.Stop(context.Background()) }()
	answer := b.ask(http.MethodGet, "/readyz", "")
	for deadline := time.Now().Add(patience); answer.Code == http.StatusOK && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		answer = b.ask(http.MethodGet, "/readyz", "")
	}
	if answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), "draining") {
		t.Fatalf("while draining /readyz gives %d %s", answer.Code, answer.Body)
	}
	select {
	case err := <-stopped:
		t.Fatalf("Stop returned %v while a request was in flight", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != http.StatusNoContent {
		t.Fatalf("the request ended with %d", got)
	}
}

// A handler that is cut off still has files and rows to clean up, so the database must stay open until it has returned.
func TestStopWaitsForHandlersThatItCutOff(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.Grace = 10 * time.Millisecond })
	entered, cleaning := make(chan struct{}), make(chan struct{})
	cleaned := sync.OnceFunc(func() { close(cleaning) })
	defer cleaned()
	b.get("/endless", func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		<-cleaning
		return ctx.Err()
	})
	status := call(t, b.serve(t)+"/endless")
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- b.Stop(context.Background()) }()
	if got := <-status; got != 0 {
		t.Fatalf("the request ended with %d", got)
	}
	select {
	case err := <-stopped:
		t.Fatalf("Stop returned %v before the handler did", err)
	case <-time.After(50 * time.Millisecond):
	}
	cleaned()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(context.Background()); err != nil {
		t.Fatalf("a second Stop returns %v", err)
	}
}

func TestStopGivesUpOnAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.Grace = time.Millisecond })
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	b.get("/deaf", func(context.Context) error { close(entered); <-release; return nil })
	call(t, b.serve(t)+"/deaf")
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Stop(ctx); err == nil {
		t.Fatal("Stop returns no error")
	}
}

// Whatever a client does not send or read, a stop lasts no longer than the grace period.
func TestAStopIsNotHeldUpBySlowClients(t *testing.T) {
	t.Parallel()
	const grace = 300 * time.Millisecond
	b := setup(t, func(o *web.Options) {
		o.Grace, o.Pace = grace, web.Pace{Body: time.Hour, Stall: time.Hour, Window: time.Hour}
	})
	b.streams(t)
	b.secured("/mine")
	op := huma.Operation{Method: http.MethodGet, Path: "/big", OperationID: "big"}
	writing := make(chan struct{})
	b.Handle(op, web.Use{Stream: true}, func(c echo.Context) error {
		close(writing)
		return c.String(http.StatusOK, strings.Repeat("x", 64<<20))
	})
	b.serve(t)
	const sized = "Content-Length: 1000\r\n\r\nx"
	slow := []*keptConnection{
		send(t, b.Addr(), partStart+sized),
		send(t, b.Addr(), "PUT /files/a HTTP/1.1\r\nHost: x\r\n"+sized),
		send(t, b.Addr(), "POST /nowhere HTTP/1.1\r\nHost: x\r\n"+sized),
		send(t, b.Addr(), "GET /mine HTTP/1.1\r\nHost: x\r\n"+sized),
		send(t, b.Addr(), "GET /health HTTP/1.1\r\nHost: x\r\nHalf"),
		send(t, b.Addr(), "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"),
		dial(t, b.Addr()),
	}
	<-writing
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	if err := b.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > grace+10*time.Second {
		t.Errorf("the stop took %s", took)
	}
	for _, k := range slow {
		k.ended(t)
	}
}

// A server that drains waits for a slow body only until its deadline, not until the end of the grace period.
func TestAStopWaitsForABodyUntilItsDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.Grace, o.Pace.Body = time.Hour, 300*time.Millisecond })
	b.strict()
	b.serve(t)
	k := send(t, b.Addr(), "POST /strict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
	b.wantMetric(t, "http_connections 1")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	k.ended(t)
}
