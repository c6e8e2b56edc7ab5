package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

// patience is how long a test waits for something that must happen, even on a busy machine.
const patience = time.Minute

// bundle is a server, which tests call without a listener, and its log.
type bundle struct {
	*web.Server
	log *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func setup(t *testing.T, change ...func(*web.Options)) bundle {
	t.Helper()
	log := &syncBuffer{}
	logger, err := telemetry.NewLogger(log, "debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	o := web.Options{
		Addr: "127.0.0.1:0", Version: "1.0.0", Grace: patience, Logger: logger,
		Verify: func(token string) (auth.Principal, error) {
			if token != "good" {
				return auth.Principal{}, auth.ErrBadToken
			}
			return auth.Principal{UserID: "u1"}, nil
		},
		Health: &telemetry.Health{}, Registerer: registry, Gatherer: registry,
	}
	for _, c := range change {
		c(&o)
	}
	return bundle{web.New(o), log}
}

// get registers an operation that answers 204, or with handler's error.
func (b bundle) get(path string, handler func(context.Context) error) {
	web.Register(b.Server, huma.Operation{Method: http.MethodGet, Path: path, OperationID: path},
		web.Use{}, func(ctx context.Context, _ *struct{}) (*struct{}, error) { return nil, handler(ctx) })
}

func (b bundle) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var reader io.Reader = http.NoBody
	if body != "" {
		reader = strings.NewReader(body)
	}
	request := httptest.NewRequest(method, target, reader)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, request)
	return recorder
}

func (b bundle) askWith(ctx context.Context, target string) {
	b.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody))
}

func problemOf(t *testing.T, answer *httptest.ResponseRecorder) web.Problem {
	t.Helper()
	var p web.Problem
	if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %s: %v", answer.Code, answer.Body, err)
	}
	if p.Status != answer.Code || answer.Header().Get("Content-Type") != "application/problem+json" ||
		p.RequestID == "" || p.RequestID != answer.Header().Get("X-Request-Id") {
		t.Fatalf("%d %v %s is not a complete problem", answer.Code, answer.Header(), answer.Body)
	}
	return p
}

func TestPanicsAndErrorsBecomeANeutralProblemLoggedOnceWithItsCause(t *testing.T) {
	t.Parallel()
	const cause = "the index is out of patience"
	for name, register := range map[string]func(b bundle){
		"huma panic": func(b bundle) { b.get("/x", func(context.Context) error { panic(cause) }) },
		"huma error": func(b bundle) { b.get("/x", func(context.Context) error { return errors.New(cause) }) },
		"echo panic": func(b bundle) {
			op := huma.Operation{Method: http.MethodGet, Path: "/x"}
			b.Handle(op, web.Use{}, func(echo.Context) error { panic(errors.New(cause)) })
		},
		"echo error": func(b bundle) {
			op := huma.Operation{Method: http.MethodGet, Path: "/x"}
			b.Handle(op, web.Use{}, func(echo.Context) error { return errors.New(cause) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			register(b)
			answer := b.ask(http.MethodGet, "/x", "")
			p := problemOf(t, answer)
			if p.Status != http.StatusInternalServerError || p.Code != "internal" ||
				strings.Contains(answer.Body.String(), cause) {
				t.Fatalf("the answer is %s", answer.Body)
			}
			log := b.log.String()
			if strings.Count(log, cause) != 1 || strings.Count(log, `"level":"ERROR"`) != 1 ||
				!strings.Contains(log, p.RequestID) {
				t.Fatalf("the log is\n%s", log)
			}
		})
	}
}

// Errors of connections name both ends. Of a client the log keeps the network, of a server of ours all.
func TestTheCauseOfAnErrorNamesTheNetworkOfTheClient(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")} })
	b.get("/x", func(context.Context) error {
		return errors.New("write tcp 10.0.0.5:443->203.0.113.77:5555, [2001:db8:0:7::9]:5555, 10.0.0.9:5432: broken")
	})
	for client, want := range map[string]string{
		"203.0.113.77":     "10.0.0.5:443->203.0.113.0/24, [2001:db8:0:7::9]:5555, 10.0.0.9:5432: broken",
		"2001:db8:0:7::9":  "10.0.0.5:443->203.0.113.77:5555, 2001:db8::/48, 10.0.0.9:5432: broken",
		"198.51.100.1":     "10.0.0.5:443->203.0.113.77:5555, [2001:db8:0:7::9]:5555, 10.0.0.9:5432: broken",
		"::ffff:10.0.0.9":  "10.0.0.5:443->203.0.113.77:5555, [2001:db8:0:7::9]:5555, 10.0.0.0/24: broken",
		"no address, once": "10.0.0.5:443->203.0.113.77:5555, [2001:db8:0:7::9]:5555, 10.0.0.9:5432: broken",
	} {
		b.ask(http.MethodGet, "/x", "", "X-Forwarded-For", client)
		lines := b.logged(t)
		if cause := fmt.Sprint(lines[len(lines)-1]["error"]); !strings.Contains(cause, want) {
			t.Errorf("of %s the log keeps %s", client, cause)
		}
	}
}

func TestAFaultIsNotLoggedAsAnError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get("/taken", func(context.Context) error {
		return fault.New(fault.Conflict, "taken", "Ocupado.", "Taken.").With(errors.New("private cause"))
	})
	p := problemOf(t, b.ask(http.MethodGet, "/taken", ""))
	if p.Status != http.StatusBadRequest || p.Code != "taken" || p.Detail != "Ocupado." {
		t.Fatalf("the problem is %+v", p)
	}
	if log := b.log.String(); strings.Contains(log, "ERROR") || strings.Contains(log, "private cause") {
		t.Fatalf("the log is\n%s", log)
	}
}

func TestReadinessNamesTheFailingCheck(t *testing.T) {
	t.Parallel()
	var broken error
	b := setup(t, func(o *web.Options) {
		o.Health = &telemetry.Health{Checks: []telemetry.Check{
			{Name: "disk", Run: func(context.Context) error { return nil }},
			{Name: "database", Run: func(context.Context) error { return broken }},
		}}
	})
	if answer := b.ask(http.MethodGet, "/readyz", ""); answer.Code != http.StatusOK {
		t.Fatalf("ready gives %d %s", answer.Code, answer.Body)
	}
	broken = errors.New("connection refused")
	answer := b.ask(http.MethodGet, "/readyz", "")
	p := problemOf(t, answer)
	if p.Status != http.StatusServiceUnavailable || p.Code != "not_ready" || len(p.Errors) != 1 ||
		p.Errors[0].Location != "database" || strings.Contains(answer.Body.String(), broken.Error()) {
		t.Fatalf("broken gives %s", answer.Body)
	}
	if log := b.log.String(); !strings.Contains(log, broken.Error()) {
		t.Fatalf("the log hides the cause:\n%s", log)
	}
	if answer := b.ask(http.MethodGet, "/livez", ""); answer.Code != http.StatusOK {
		t.Fatalf("alive gives %d", answer.Code)
	}
}

func TestUnknownAddressesAndMethodsDoNotGrowTheMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := problemOf(t, b.ask(http.MethodGet, "/nowhere/4711", ""))
	if p.Status != http.StatusNotFound || p.Code != "not_found" {
		t.Fatalf("an unknown address gives %+v", p)
	}
	answer := b.ask(http.MethodDelete, "/health", "")
	p = problemOf(t, answer)
	if p.Code != "method_not_allowed" || !strings.Contains(answer.Header().Get("Allow"), http.MethodGet) {
		t.Fatalf("a wrong method gives %+v with Allow %q", p, answer.Header().Get("Allow"))
	}
	b.ask("FROBNICATE", "/health", "")
	metrics := b.ask(http.MethodGet, "/metrics", "").Body.String()
	if strings.Contains(metrics, "4711") || strings.Contains(metrics, "FROBNICATE") ||
		!strings.Contains(metrics, `method="other"`) || !strings.Contains(metrics, `route="none"`) {
		t.Fatalf("the metrics are\n%s", metrics)
	}
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/health", "/api/health", "/nowhere"} {
		h := b.ask(http.MethodGet, path, "").Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" ||
			h.Get("Referrer-Policy") == "" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s answers with %v", path, h)
		}
	}
	h := b.ask(http.MethodGet, "/api/health", "").Header()
	if h.Get("Content-Security-Policy") == "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("the API answers with %v", h)
	}
}

func TestOtherOriginsAreAllowedOnlyByName(t *testing.T) {
	t.Parallel()
	preflight := []string{"Origin", "https://app.example", "Access-Control-Request-Method", "POST"}
	for name, test := range map[string]struct {
		origins []string
		want    string
	}{
		"off":     {nil, ""},
		"named":   {[]string{"https://app.example"}, "https://app.example"},
		"another": {[]string{"https://x.example"}, ""},
	} {
		b := setup(t, func(o *web.Options) { o.CORSOrigins = test.origins })
		for _, method := range []string{http.MethodOptions, http.MethodGet} {
			h := b.ask(method, "/api/health", "", preflight...).Header()
			got := h.Get("Access-Control-Allow-Origin")
			if got != test.want || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: %s allows %q, want %q", name, method, got, test.want)
			}
		}
	}
}

// The requests share a connection, where the client would mistake a body for the next answer.
func TestHEADIsAGETWithoutItsBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get("/fails", func(context.Context) error { return fault.New(fault.NotFound, "nothing", "Nada.", "Nothing.") })
	server := httptest.NewServer(b.Server)
	defer server.Close()
	ask := func(method, path string) (*http.Response, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := server.Client().Do(request)
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
	for _, path := range []string{"/health", "/fails", "/nowhere"} {
		get, body := ask(http.MethodGet, path)
		head, nothing := ask(http.MethodHead, path)
		if head.StatusCode != get.StatusCode || nothing != "" || body == "" ||
			head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("%s: HEAD %d %q %q, GET %d %q", path, head.StatusCode, head.Header.Get("Content-Type"), nothing,
				get.StatusCode, get.Header.Get("Content-Type"))
		}
	}
}
