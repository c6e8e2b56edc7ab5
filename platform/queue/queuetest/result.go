package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/queue"
)

var resultRules = []rule{
	{name: "ErrorIsRetriedWithBackoffThenDead", test: errorIsRetriedWithBackoffThenDead},
	{name: "RetryCanSucceed", test: retryCanSucceed},
	{name: "PanicIsAnError", test: panicIsAnError},
	{name: "DiscardLeavesNothing", test: discardLeavesNothing},
	{name: "LastErrorIsTheReason", test: lastErrorIsTheReason},
	{name: "LaterCostsNoAttempt", test: laterCostsNoAttempt},
	{name: "UnknownKindIsDead", test: unknownKindIsDead},
	{name: "ReasonIsPlainText", test: reasonIsPlainText},
	{name: "RedriveStartsOver", test: redriveStartsOver},
	{name: "RedriveAllRedrivesEachOnce", test: redriveAllRedrivesEachOnce},
	{name: "RedrivenTaskIsMarked", test: redrivenTaskIsMarked},
	{name: "TraceStaysWithTheTask", test: traceStaysWithTheTask},
	{name: "EnqueueRevivesTheDead", test: enqueueRevivesTheDead, deduplicates: true},
}

func errorIsRetriedWithBackoffThenDead(b *Bench) {
	type run struct {
		attempt    int
		begun, end time.Time
	}
	runs := make(chan run, 10)
	const (
		speedup   = 25
		firstTime = 5 * time.Second / speedup // the worker's first backoff
	)
	handler := queue.Handler{Run: func(_ context.Context, d queue.Delivery) error {
		now := time.Now()
		runs <- run{d.Attempt, now, time.Now()}
		return fmt.Errorf("attempt %d: disk full", d.Attempt)
	}}
	b.workOn(fastRetries{b.Driver, speedup}, queue.Handlers{Kind: handler}, queue.WorkerOptions{})
	before := time.Now()
	b.Enqueue("a")

	previous := Next(b, runs)
	for attempt := 2; attempt <= 3; attempt++ {
		current := Next(b, runs)
		if current.attempt != attempt {
			b.Errorf("attempt %d, want %d", current.attempt, attempt)
		}
		atLeast := firstTime << (attempt - 2) / 2 // half of it is jitter
		if gap := current.begun.Sub(previous.end); gap < atLeast {
			b.Errorf("attempt %d after %s, want at least %s", attempt, gap, atLeast)
		}
		previous = current
	}

	dead := b.eventuallyDead(1)["a"]
	if dead.Kind != Kind || dead.Attempts != 3 || dead.Reason != "attempt 3: disk full" {
		b.Errorf("dead letter %+v", dead)
	}
	// A second of slack for products that have their own clock or count in seconds.
	if dead.DiedAt.Before(before.Add(-time.Second)) || dead.DiedAt.After(time.Now().Add(time.Second)) {
		b.Errorf("died at %s, the test began at %s", dead.DiedAt, before)
	}
	b.EventuallyStats(queue.Stats{Dead: 1})
	if len(runs) > 0 {
		b.Error("ran again after its last attempt")
	}
}

func retryCanSucceed(b *Bench) {
	attempts := make(chan int, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		if d.Attempt < d.MaxAttempts {
			return errors.New("not yet")
		}
		return nil
	})
	b.Enqueue("a")
	for want := 1; want <= 3; want++ {
		if got := Next(b, attempts); got != want {
			b.Errorf("attempt %d, want %d", got, want)
		}
	}
	b.EventuallyStats(queue.Stats{})
}

func panicIsAnError(b *Bench) {
	var runs atomic.Int32
	b.WorkWith(func(context.Context, queue.Delivery) error {
		runs.Add(1)
		panic("boom")
	}, queue.WorkerOptions{MaxAttempts: 2})
	b.Enqueue("a")
	if dead := b.eventuallyDead(1)["a"]; dead.Reason != "panic: boom" || runs.Load() != 2 {
		b.Errorf("%d runs, then %+v", runs.Load(), dead)
	}
}

func discardLeavesNothing(b *Bench) {
	var runs atomic.Int32
	b.Work(func(context.Context, queue.Delivery) error {
		runs.Add(1)
		return fmt.Errorf("video gone: %w", queue.Discard(nil))
	})
	b.Enqueue("a")
	b.Eventually("a run", func() bool { return runs.Load() > 0 })
	b.EventuallyStats(queue.Stats{})
	if n := runs.Load(); n != 1 {
		b.Errorf("%d runs", n)
	}
}

func lastErrorIsTheReason(b *Bench) {
	var runs atomic.Int32
	b.WorkWith(func(context.Context, queue.Delivery) error {
		runs.Add(1)
		return fmt.Errorf("process: %w", errors.New("no such codec"))
	}, queue.WorkerOptions{MaxAttempts: 1})
	task := queue.Task{Kind: Kind, ID: "a", Payload: []byte(`{"video_id":1}`)}
	if err := b.Queue.Enqueue(b.Context(), task); err != nil {
		b.Fatal(err)
	}
	dead := b.eventuallyDead(1)["a"]
	if dead.Reason != "process: no such codec" || dead.Attempts != 1 || string(dead.Payload) != string(task.Payload) {
		b.Errorf("dead letter %+v", dead)
	}
	if n := runs.Load(); n != 1 {
		b.Errorf("%d runs", n)
	}
}

func laterCostsNoAttempt(b *Bench) {
	const delay = 100 * time.Millisecond
	begun := make(chan time.Time, 10)
	attempts := make(chan int, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		begun <- time.Now()
		attempts <- d.Attempt
		if len(attempts) < 5 {
			return queue.Later(delay)
		}
		return nil
	})
	b.Enqueue("a")
	b.Eventually("five runs", func() bool { return len(attempts) == 5 })
	b.EventuallyStats(queue.Stats{})
	previous := time.Time{}
	for range 5 {
		if got := <-attempts; got != 1 {
			b.Errorf("attempt %d, want 1", got)
		}
		now := <-begun
		if gap := now.Sub(previous); gap < delay {
			b.Errorf("again after %s, want %s", gap, delay)
		}
		previous = now
	}
}

func unknownKindIsDead(b *Bench) {
	b.Work(func(context.Context, queue.Delivery) error { return nil })
	if err := b.Queue.Enqueue(b.Context(), queue.Task{Kind: "nobody", ID: "a"}); err != nil {
		b.Fatal(err)
	}
	if dead := b.eventuallyDead(1)["a"]; dead.Reason != `no handler for kind "nobody"` || dead.Attempts != 1 {
		b.Errorf("dead letter %+v", dead)
	}
}

func reasonIsPlainText(b *Bench) {
	b.WorkWith(func(context.Context, queue.Delivery) error {
		return errors.New("ñ \x00 \xff " + strings.Repeat("é", 5000))
	}, queue.WorkerOptions{MaxAttempts: 1})
	b.Enqueue("a")
	reason := b.eventuallyDead(1)["a"].Reason
	if !strings.HasPrefix(reason, "ñ ? ? éé") || !utf8.ValidString(reason) || len(reason) > 1<<10 {
		b.Errorf("reason of %d bytes: %.30q", len(reason), reason)
	}
}

func redriveStartsOver(b *Bench) {
	var healed atomic.Bool
	attempts := make(chan int, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		if healed.Load() {
			return nil
		}
		return errors.New("not healed")
	})
	b.Enqueue("a", "b", "c")
	b.eventuallyDead(3)
	for range 9 {
		Next(b, attempts)
	}
	if some, err := b.Queue.Dead(b.Context(), 2); err != nil || len(some) != 2 {
		b.Errorf("Dead(2) returned %d (%v)", len(some), err)
	}

	healed.Store(true)
	if found, err := b.Queue.Redrive(b.Context(), Kind, "b"); err != nil || !found {
		b.Errorf("Redrive: %v (%v)", found, err)
	}
	var redrives sync.WaitGroup // side by side, because some products search for a while
	for _, missing := range []struct{ kind, id string }{{Kind, "b"}, {Kind, "z"}, {"other", "a"}} {
		redrives.Go(func() {
			if found, err := b.Queue.Redrive(b.Context(), missing.kind, missing.id); err != nil || found {
				b.Errorf("Redrive(%s, %s) = %v, %v", missing.kind, missing.id, found, err)
			}
		})
	}
	redrives.Wait()
	if attempt := Next(b, attempts); attempt != 1 {
		b.Errorf("attempt %d after redrive, want 1", attempt)
	}
	b.EventuallyStats(queue.Stats{Dead: 2})
	if _, still := b.eventuallyDead(2)["b"]; still {
		b.Error("b is still dead")
	}
}

func redriveAllRedrivesEachOnce(b *Bench) {
	ids := []string{"a", "b", "c", "d"}
	seen := make(chan string, 100)
	b.WorkWith(func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		return errors.New("not mended")
	}, queue.WorkerOptions{MaxAttempts: 1})
	b.Enqueue(ids...)
	b.eventuallyDead(len(ids))
	redriven, err := b.Queue.RedriveAll(b.Context(), func(d queue.DeadTask) bool { return d.ID != "c" })
	if err != nil || len(redriven) != len(ids)-1 {
		b.Errorf("RedriveAll: %+v (%v)", redriven, err)
	}
	b.EventuallyStats(queue.Stats{Dead: len(ids)})
	runs := map[string]int{}
	for range len(seen) {
		runs[<-seen]++
	}
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 2, "c": 1, "d": 2}, runs); diff != "" {
		b.Error(diff)
	}
}

// The mark survives whatever happens between Redrive and the end of the task: a retry, a postponement.
func redrivenTaskIsMarked(b *Bench) {
	seen := make(chan queue.Delivery, 10)
	results := make(chan error, 10)
	b.WorkWith(func(_ context.Context, d queue.Delivery) error {
		seen <- d
		return <-results
	}, queue.WorkerOptions{MaxAttempts: 2})
	again, dead := errors.New("again"), errors.New("no use")
	runs := func(redriven bool, outcomes ...error) {
		b.Helper()
		for i, outcome := range outcomes {
			results <- outcome
			if d := Next(b, seen); d.Redriven != redriven {
				b.Errorf("run %d is marked as redriven: %v, want %v", i, d.Redriven, redriven)
			}
		}
	}
	redrive := func() {
		b.Helper()
		b.eventuallyDead(1)
		if found, err := b.Queue.Redrive(b.Context(), Kind, "a"); err != nil || !found {
			b.Fatalf("Redrive: %v (%v)", found, err)
		}
	}
	b.Enqueue("a")
	runs(false, again, queue.Later(0), dead)
	redrive()
	runs(true, again, queue.Later(0), dead)
	redrive()
	runs(true, nil)
	b.EventuallyStats(queue.Stats{})
	b.Enqueue("a")
	runs(false, nil)
}

func enqueueRevivesTheDead(b *Bench) {
	seen := make(chan queue.Delivery, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d
		if len(d.Payload) == 0 {
			return errors.New("nothing to do")
		}
		return nil
	})
	b.Enqueue("a")
	for range 3 {
		Next(b, seen)
	}
	b.eventuallyDead(1)
	if err := b.Queue.Enqueue(b.Context(), queue.Task{Kind: Kind, ID: "a", Payload: []byte("work")}); err != nil {
		b.Fatal(err)
	}
	if d := Next(b, seen); d.Attempt != 1 || d.Redriven || string(d.Payload) != "work" {
		b.Errorf("revived as %+v", d)
	}
	b.EventuallyStats(queue.Stats{})
}

// Whatever happens to a task, all its deliveries and its dead letter belong to the trace that it was sent for.
func traceStaysWithTheTask(b *Bench) {
	seen := make(chan string, 10)
	results := make(chan error, 10)
	b.WorkWith(func(_ context.Context, d queue.Delivery) error {
		seen <- d.Trace
		return <-results
	}, queue.WorkerOptions{MaxAttempts: 2})
	wanted := func(trace string, outcomes ...error) {
		b.Helper()
		for i, outcome := range outcomes {
			results <- outcome
			if got := Next(b, seen); got != trace {
				b.Errorf("run %d has the trace %q, want %q", i, got, trace)
			}
		}
	}
	send := func(trace string) {
		b.Helper()
		if err := b.Queue.Enqueue(b.Context(), queue.Task{Kind: Kind, ID: "a", Trace: trace}); err != nil {
			b.Fatal(err)
		}
	}
	first := trace("1")
	send(first)
	wanted(first, errors.New("again"), queue.Later(0), errors.New("no use"))
	if dead := b.eventuallyDead(1)["a"]; dead.Trace != first {
		b.Errorf("the dead letter has the trace %q", dead.Trace)
	}
	if found, err := b.Queue.Redrive(b.Context(), Kind, "a"); err != nil || !found {
		b.Fatalf("Redrive: %v (%v)", found, err)
	}
	wanted(first, errors.New("again"), nil)
	b.EventuallyStats(queue.Stats{})
	for _, other := range []string{trace("2"), ""} {
		send(other)
		wanted(other, nil)
		b.EventuallyStats(queue.Stats{})
	}
}

// trace returns a traceparent whose ids have that digit.
func trace(digit string) string {
	return "00-" + strings.Repeat(digit, 32) + "-" + strings.Repeat(digit, 16) + "-01"
}
