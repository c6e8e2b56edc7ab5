package ecs_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"risingstars/platform/ecs"
)

// agent stands for the one that ECS runs beside each task, which exists on AWS only.
type agent struct {
	mu     sync.Mutex
	calls  []string
	answer string // "": as wished
	status int
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, r.Method+" "+r.URL.Path+" "+string(body))
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	fmt.Fprint(w, a.answer)
}

func (a *agent) said() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

const (
	on  = `PUT /api/x/task-protection/v1/state {"ExpiresInMinutes":10,"ProtectionEnabled":true}`
	off = `PUT /api/x/task-protection/v1/state {"ProtectionEnabled":false}`
)

func setup(t *testing.T, answer string, status int) (a *agent, busy *atomic.Bool, log *strings.Builder, stop func()) {
	t.Helper()
	a, busy, log = &agent{answer: answer, status: status}, &atomic.Bool{}, &strings.Builder{}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	p := ecs.NewProtection(ecs.Options{
		AgentURI: server.URL + "/api/x", Busy: busy.Load, Logger: slog.New(slog.NewTextHandler(log, nil)), Interval: 5 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Watch(ctx) }()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return a, busy, log, stop
}

func eventually(t *testing.T, a *agent, want ...string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !slices.Equal(a.said(), want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the agent was told %q, want %q", a.said(), want)
		}
	}
}

func TestATaskAtWorkIsProtected(t *testing.T) {
	t.Parallel()
	a, busy, log, stop := setup(t, `{"protection":{"ProtectionEnabled":true}}`, 0)
	busy.Store(true)
	eventually(t, a, on)
	busy.Store(false)
	eventually(t, a, on, off)
	busy.Store(true)
	eventually(t, a, on, off, on)
	stop()
	eventually(t, a, on, off, on, off)
	if log.Len() > 0 {
		t.Errorf("the log says %s", log)
	}
}

func TestAnIdleTaskIsLeftAlone(t *testing.T) {
	t.Parallel()
	a, _, _, stop := setup(t, `{}`, 0)
	stop()
	eventually(t, a)
}

func TestARefusalIsLoggedAndNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		answer string
		status int
	}{
		"deployment in progress": {`{"failure":{"Arn":"x","Reason":"deployment in progress"}}`, 0},
		"AccessDenied":           {`{"error":{"Code":"AccessDeniedException","Message":"no"}}`, http.StatusBadRequest},
		"503":                    {`later`, http.StatusServiceUnavailable},
		"read the":               {`not JSON`, 0},
	} {
		a, busy, log, stop := setup(t, c.answer, c.status)
		busy.Store(true)
		eventually(t, a, on)
		stop() // within the 5 s after the refusal: nothing more is asked, and there is nothing to give up
		eventually(t, a, on)
		if !strings.Contains(log.String(), want) || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("the log says %s, want one line with %s", log, want)
		}
	}
}

// transport answers in the test's own time.
type transport struct{ calls []string }

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	tr.calls = append(tr.calls, string(body))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, err
}

func TestLongWorkStaysProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{}
		p := ecs.NewProtection(ecs.Options{
			AgentURI: "http://agent", Busy: func() bool { return true }, Logger: slog.New(slog.DiscardHandler), Transport: tr,
		})
		ctx, cancel := context.WithTimeout(t.Context(), 16*time.Minute)
		defer cancel()
		p.Watch(ctx)
		// At the start and every 5 minutes; given up at the end.
		if len(tr.calls) != 5 {
			t.Errorf("in 16 minutes the agent was told %q", tr.calls)
		}
	})
}
