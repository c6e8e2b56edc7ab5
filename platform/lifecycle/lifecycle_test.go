package lifecycle_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/lifecycle"
)

// diary records what services did, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// sortedStops returns the lines with the trailing stops sorted, because services stop at the same time.
func (d *diary) sortedStops() []string {
	first := slices.IndexFunc(d.lines, func(line string) bool { return strings.HasPrefix(line, "stop ") })
	if first >= 0 {
		slices.Sort(d.lines[first:])
	}
	return d.lines
}

func (d *diary) service(name string, startErr error) lifecycle.Service {
	return lifecycle.Service{
		Name:  name,
		Start: func(context.Context) error { d.note("start " + name); return startErr },
		Stop:  func(context.Context) error { d.note("stop " + name); return nil },
	}
}

func group(services ...lifecycle.Service) *lifecycle.Group {
	return &lifecycle.Group{Services: services, StopTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler)}
}

func TestStartsInOrderAndStopsAll(t *testing.T) {
	t.Parallel()
	var d diary
	ctx, cancel := context.WithCancel(t.Context())
	last := d.service("c", nil)
	begin := last.Start
	last.Start = func(ctx context.Context) error { defer cancel(); return begin(ctx) }
	if err := group(d.service("a", nil), d.service("b", nil), last).Run(ctx); err != nil {
		t.Fatal(err)
	}
	want := []string{"start a", "start b", "start c", "stop a", "stop b", "stop c"}
	if diff := cmp.Diff(want, d.sortedStops()); diff != "" {
		t.Fatal(diff)
	}
}

func TestStopsAtTheSameTime(t *testing.T) {
	t.Parallel()
	meet := make(chan struct{})
	service := func(name string, stop func()) lifecycle.Service {
		return lifecycle.Service{
			Name:  name,
			Start: func(context.Context) error { return nil },
			Stop:  func(context.Context) error { stop(); return nil },
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// Each stop returns only once the other one has begun.
	both := group(service("a", func() { meet <- struct{}{} }), service("b", func() { <-meet }))
	if err := both.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestFailedStartStopsOnlyWhatStarted(t *testing.T) {
	t.Parallel()
	var d diary
	boom := errors.New("boom")
	err := group(d.service("a", nil), d.service("b", boom), d.service("c", nil)).Run(t.Context())
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "start b") {
		t.Fatalf("Run returned %v", err)
	}
	if diff := cmp.Diff([]string{"start a", "start b", "stop a"}, d.lines); diff != "" {
		t.Fatal(diff)
	}
}

func TestFailureOfOneStopsAll(t *testing.T) {
	t.Parallel()
	var d diary
	boom := errors.New("boom")
	failed := make(chan error, 1)
	failed <- boom
	broken := d.service("b", nil)
	broken.Failed = failed
	if err := group(d.service("a", nil), broken).Run(t.Context()); !errors.Is(err, boom) {
		t.Fatalf("Run returned %v", err)
	}
	if diff := cmp.Diff([]string{"start a", "start b", "stop a", "stop b"}, d.sortedStops()); diff != "" {
		t.Fatal(diff)
	}
}

func TestAStopThatHangsEndsWithTheTimeout(t *testing.T) {
	t.Parallel()
	var d diary
	hangs := d.service("b", nil)
	hangs.Stop = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := group(d.service("a", nil), hangs)
	g.StopTimeout = time.Millisecond
	if err := g.Run(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stop b") {
		t.Fatalf("Run returned %v", err)
	}
	if diff := cmp.Diff([]string{"start a", "start b", "stop a"}, d.lines); diff != "" {
		t.Fatal(diff)
	}
}

func TestLoopEndsWithItsService(t *testing.T) {
	t.Parallel()
	running, ended := make(chan struct{}), make(chan struct{})
	loop := lifecycle.Loop("loop", func(ctx context.Context) {
		close(running)
		<-ctx.Done()
		close(ended)
	})
	if err := loop.Stop(t.Context()); err != nil {
		t.Fatalf("a stop before the start: %v", err)
	}
	start, cancel := context.WithCancel(t.Context())
	if err := loop.Start(start); err != nil {
		t.Fatal(err)
	}
	cancel() // the start's context is for the start alone
	<-running
	for range 2 {
		if err := loop.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-ended:
	default:
		t.Fatal("Stop returned before the loop did")
	}
}
