package ecs_test

import (
	"context"
	"encoding/json"
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

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"risingstars/platform/ecs"
)

// agent stands for the agent that ECS runs beside each task, which exists only on AWS.
type agent struct {
	mu     sync.Mutex
	calls  []string
	answer string
	status int
	takes  time.Duration // to answer
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

func (a *agent) received() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

const (
	on  = `PUT /api/x/task-protection/v1/state {"ExpiresInMinutes":10,"ProtectionEnabled":true}`
	off = `PUT /api/x/task-protection/v1/state {"ProtectionEnabled":false}`
)

// RoundTrip answers in the fake time of the test's bubble.
func (a *agent) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	a.ServeHTTP(recorder, r)
	a.mu.Lock()
	takes := a.takes
	a.mu.Unlock()
	select {
	case <-time.After(takes):
		return recorder.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

const interval = 5 * time.Millisecond

// setup watches within a bubble of synctest, where every timer is punctual.
func setup(t *testing.T, a *agent) (busy *atomic.Bool, log *strings.Builder, stop func()) {
	t.Helper()
	busy, log = &atomic.Bool{}, &strings.Builder{}
	stop = watchFor(t, ecs.Options{
		AgentURI: "http://agent/api/x", Busy: busy.Load, Logger: slog.New(slog.NewTextHandler(log, nil)),
		Interval: interval, Transport: a,
	})
	return busy, log, stop
}

func watchFor(t *testing.T, o ecs.Options) (stop func()) {
	t.Helper()
	p := ecs.NewProtection(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Watch(ctx) }()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

// wantSoon waits for two intervals and compares all calls so far.
func wantSoon(t *testing.T, a *agent, want ...string) {
	t.Helper()
	time.Sleep(2 * interval)
	synctest.Wait()
	if diff := cmp.Diff(want, a.received(), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("calls of the agent (-want +got)\n%s", diff)
	}
}

func TestATaskAtWorkIsProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agent{answer: `{"protection":{"ProtectionEnabled":true}}`}
		busy, log, stop := setup(t, a)
		busy.Store(true)
		wantSoon(t, a, on)
		busy.Store(false)
		wantSoon(t, a, on, off)
		busy.Store(true)
		wantSoon(t, a, on, off, on)
		stop()
		wantSoon(t, a, on, off, on, off)
		if log.Len() > 0 {
			t.Errorf("the log says %s", log)
		}
	})
}

func TestAnIdleTaskIsNotProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agent{answer: `{}`}
		_, _, stop := setup(t, a)
		wantSoon(t, a)
		stop()
		wantSoon(t, a)
	})
}

func TestARefusalIsLoggedAndNotRepeatedAtOnce(t *testing.T) {
	for want, a := range map[string]*agent{
		"deployment in progress": {answer: `{"failure":{"Arn":"x","Reason":"deployment in progress"}}`},
		"AccessDenied": {
			answer: `{"error":{"Code":"AccessDeniedException","Message":"no"}}`, status: http.StatusBadRequest,
		},
		"503":      {answer: `later`, status: http.StatusServiceUnavailable},
		"read the": {answer: `not JSON`},
	} {
		synctest.Test(t, func(t *testing.T) {
			busy, log, stop := setup(t, a)
			busy.Store(true)
			wantSoon(t, a, on)
			time.Sleep(4 * time.Second) // within the 5 s after the refusal
			wantSoon(t, a, on)
			stop() // there is no protection to give up
			wantSoon(t, a, on)
			if !strings.Contains(log.String(), want) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("the log says %s, want one line with %s", log, want)
			}
		})
	}
}

func TestAProtectionIsGivenUpWhenWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agent{answer: `{}`, takes: time.Second}
		busy, log, stop := setup(t, a)
		busy.Store(true)
		wantSoon(t, a, on)
		stop()
		wantSoon(t, a, on, off)
		if log.Len() > 0 {
			t.Errorf("the log says %s", log)
		}
	})
}

// If nobody gave it up, a protection whose answer came too late would last for ten minutes.
func TestAProtectionWithoutAnAnswerIsGivenUp(t *testing.T) {
	for name, end := range map[string]func(busy *atomic.Bool, stop func()){
		"when the work ends": func(busy *atomic.Bool, _ func()) { busy.Store(false); time.Sleep(2 * time.Second) },
		"by the stop":        func(_ *atomic.Bool, stop func()) { stop() },
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &agent{answer: `{}`, takes: time.Hour}
			busy, _, stop := setup(t, a)
			busy.Store(true)
			time.Sleep(4 * time.Second) // of the 5 s in which the agent must answer
			wantSoon(t, a, on)
			a.mu.Lock()
			a.takes = 0
			a.mu.Unlock()
			end(busy, stop)
			time.Sleep(2 * interval)
			if diff := cmp.Diff([]string{on, off}, a.received()); diff != "" {
				t.Errorf("%s: calls of the agent (-want +got)\n%s", name, diff)
			}
		})
	}
}

// The agent is reached through the network, as on AWS.
func TestTheAgentIsCalledOverHTTP(t *testing.T) {
	t.Parallel()
	a := &agent{answer: `{}`}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	watchFor(t, ecs.Options{
		AgentURI: server.URL + "/api/x", Busy: func() bool { return true },
		Logger: slog.New(slog.DiscardHandler), Interval: interval,
	})
	for deadline := time.Now().Add(time.Minute); !slices.Contains(a.received(), on); time.Sleep(interval) {
		if time.Now().After(deadline) {
			t.Fatalf("the agent received %q, want %q", a.received(), on)
		}
	}
}

// transport answers in the fake time of the test's bubble and records when protection was switched on or off.
type transport struct {
	began time.Time
	calls []string
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var wanted struct{ ProtectionEnabled bool }
	err := json.NewDecoder(r.Body).Decode(&wanted)
	tr.calls = append(tr.calls, fmt.Sprintf("%s %t", time.Since(tr.began), wanted.ProtectionEnabled))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, err
}

// watch follows the work for 16 minutes.
func watch(t *testing.T, busy func(since time.Duration) bool) []string {
	t.Helper()
	tr := &transport{began: time.Now()}
	p := ecs.NewProtection(ecs.Options{
		AgentURI: "http://agent", Busy: func() bool { return busy(time.Since(tr.began)) },
		Logger: slog.New(slog.DiscardHandler), Transport: tr,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 16*time.Minute-time.Millisecond)
	defer cancel()
	p.Watch(ctx)
	return tr.calls
}

func TestEndlessWorkIsProtectedWithAPauseForDeployments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := watch(t, func(time.Duration) bool { return true })
		want := []string{"1s true", "5m2s true", "10m1s false", "11m1s true", "15m59.999s false"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls of the agent (-want +got)\n%s", diff)
		}
	})
}

// A second between two jobs is too short for a deployment to stop the task.
func TestMomentsBetweenJobsAreNoPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := watch(t, func(since time.Duration) bool { return since != 4*time.Minute })
		want := []string{
			"1s true", "4m0s false", "4m1s true", "9m2s true", "10m1s false", "11m1s true", "15m59.999s false",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls of the agent (-want +got)\n%s", diff)
		}
	})
}

func TestAnIdleMinuteBeginsANewStretch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := watch(t, func(since time.Duration) bool { return since < 4*time.Minute || since >= 5*time.Minute })
		want := []string{"1s true", "4m0s false", "5m0s true", "10m1s true", "15m0s false"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls of the agent (-want +got)\n%s", diff)
		}
	})
}
