package sqsqueue_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// refusal is an error in SQS's format; without a code it is a broken connection.
type refusal struct {
	status        int
	code, message string
}

var throttled = &refusal{http.StatusBadRequest, "RequestThrottled", "Request is throttled."}

// proxy stands between the driver and the server, and makes trouble.
type proxy struct {
	*httptest.Server
	way *httputil.ReverseProxy

	mu       sync.Mutex
	refuse   func(action string) *refusal // nil: nothing
	requests []request
}

type request struct {
	action string
	at     time.Time
	body   struct {
		MessageBody         string
		DelaySeconds        int
		MaxNumberOfMessages int
		VisibilityTimeout   int
	}
}

func startProxy(t *testing.T, start func(*httptest.Server)) *proxy {
	t.Helper()
	target, err := url.Parse(sqsURL(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{way: httputil.NewSingleHostReverseProxy(target)}
	p.way.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	p.Server = httptest.NewUnstartedServer(p)
	start(p.Server)
	t.Cleanup(p.Close)
	return p
}

// setupOnProxy returns a queue whose driver uses the proxy.
func setupOnProxy(t *testing.T) (*bench, *proxy) {
	t.Helper()
	p := startProxy(t, (*httptest.Server).Start)
	return setupOn(t, sqsURL(t), p.URL), p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	call := request{action: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."), at: time.Now()}
	if err := json.Unmarshal(body, &call.body); err != nil {
		panic(http.ErrAbortHandler)
	}
	switch refused := p.note(call); {
	case refused == nil:
		p.way.ServeHTTP(w, r)
	case refused.code == "":
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amzn-Query-Error", refused.code+";Sender")
		w.WriteHeader(refused.status)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s","message":%q}`, refused.code, refused.message)
	}
}

func (p *proxy) note(call request) *refusal {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, call)
	if p.refuse == nil {
		return nil
	}
	return p.refuse(call.action)
}

// trouble refuses these actions from now on, or all if none is named.
func (p *proxy) trouble(refused *refusal, actions ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = func(action string) *refusal {
		if len(actions) == 0 || slices.Contains(actions, action) {
			return refused
		}
		return nil
	}
	p.CloseClientConnections() // also the polls that are open
}

func (p *proxy) peace() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = nil
}

// seen returns the requests for an action so far.
func (p *proxy) seen(action string) (seen []request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if r.action == action {
			seen = append(seen, r)
		}
	}
	return seen
}

// server is a test's own SQS server, which it can kill and start again. A restart loses everything.
type server struct {
	t    *testing.T
	port string
	kill func()
}

func startServer(t *testing.T) *server {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs an SQS server")
	}
	s := &server{t: t}
	for range 5 {
		// Not a port that systems give to outgoing connections, so that the server can come back to it.
		s.port = fmt.Sprint(10_000 + rand.IntN(10_000))
		if s.start() {
			return s
		}
	}
	t.Fatal("the SQS server does not start")
	return nil
}

// start returns false if another process has the port.
func (s *server) start() bool {
	s.t.Helper()
	program := os.Getenv("TEST_SQS_SERVER")
	if program == "" {
		s.t.Fatal("no TEST_SQS_SERVER: run make test, which installs an SQS server")
	}
	run := exec.Command("node", program, s.port)
	out, err := run.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		s.t.Fatalf("%v: run make test, which installs it", err)
	}
	s.kill = sync.OnceFunc(func() {
		run.Process.Kill()
		run.Wait()
	})
	s.t.Cleanup(s.kill)
	_, err = bufio.NewReader(out).ReadString('\n')
	return err == nil
}

func (s *server) url() string { return "http://127.0.0.1:" + s.port }
