package queuetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"risingstars/platform/queue"
)

var visibilityRules = []rule{
	{name: "VisibilityIsExtended", test: visibilityIsExtended},
	{name: "VanishedWorkersTaskComesBack", test: vanishedWorkersTaskComesBack},
	{name: "OnlyTheCurrentDeliveryCounts", test: onlyTheCurrentDeliveryCounts, pullers: true},
	{name: "LapsesUseUpTheAttempts", test: lapsesUseUpTheAttempts, pullers: true},
	{name: "LostTaskEndsTheHandler", test: lostTaskEndsTheHandler, pullers: true},
	{name: "SilentProductLosesTheTask", test: silentProductLosesTheTask, pullers: true},
}

func visibilityIsExtended(b *Bench) {
	visibility := max(b.Promises.ShortestVisibility, time.Second)
	for {
		watch := b.watchStalls()
		trouble := b.runForLongerThan(visibility)
		stall := watch()
		if trouble == nil {
			return
		}
		// The visibility is extended every third of its length: only a process that stood still for as long may have
		// failed.
		const longest = Patience / 3
		if stall < visibility/3 || visibility == longest {
			b.Fatalf("with a visibility of %s and a stall of %s: %v", visibility, stall, trouble)
		}
		visibility = min(2*max(visibility, stall), longest)
	}
}

// runForLongerThan lets one of two workers run a task for two and a half times the visibility; it fails if the task is
// lost.
func (b *Bench) runForLongerThan(visibility time.Duration) error {
	b.Helper()
	var runs atomic.Int32
	causes := make(chan error, 10)
	run := func(ctx context.Context, _ queue.Delivery) error {
		runs.Add(1)
		select {
		case <-time.After(5 * visibility / 2):
			return nil
		case <-ctx.Done():
			causes <- context.Cause(ctx)
			return nil
		}
	}
	dead := b.Stats().Dead // of an earlier run
	b.Enqueue(fmt.Sprint("for ", visibility))
	one := b.WorkWith(run, queue.WorkerOptions{Visibility: visibility})
	defer b.Stop(one)
	other := b.WorkWith(run, queue.WorkerOptions{Visibility: visibility})
	defer b.Stop(other)
	b.Eventually("a run", func() bool { return runs.Load() > 0 })
	var end queue.Stats
	b.Eventually("the end of the task", func() bool {
		end = b.Stats()
		return end.Ready+end.InFlight+end.Delayed == 0
	})
	if n := runs.Load(); n != 1 || len(causes) > 0 || end.Dead > dead {
		return fmt.Errorf("%d runs, %d of them cancelled, then %+v", n, len(causes), end)
	}
	return nil
}

func vanishedWorkersTaskComesBack(b *Bench) {
	b.Enqueue("a")
	if b.Promises.Vanish != nil {
		b.Promises.Vanish(b)
	} else {
		b.Receive(1, b.Promises.ShortestVisibility)
	}
	vanished := time.Now()
	attempts := make(chan int, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		return nil
	})
	if attempt := Next(b, attempts); attempt != 2 {
		b.Errorf("attempt %d, want 2", attempt)
	}
	if took := time.Since(vanished); took > b.Promises.RecoversWithin {
		b.Errorf("came back after %s, want within %s", took, b.Promises.RecoversWithin)
	}
	b.EventuallyStats(queue.Stats{})
	if len(attempts) > 0 {
		b.Error("came back twice")
	}
}

func onlyTheCurrentDeliveryCounts(b *Bench) {
	b.Enqueue("a")
	first := b.Receive(1, b.Promises.ShortestVisibility)[0]
	second := b.Receive(1, 10*time.Minute)[0] // once the first has lapsed
	if first.Attempt != 1 || second.Attempt != 2 {
		b.Errorf("attempts %d and %d, want 1 and 2", first.Attempt, second.Attempt)
	}
	if err := b.Puller().Extend(b.Context(), first, 10*time.Minute); !errors.Is(err, queue.ErrLost) {
		b.Errorf("extending the first delivery: %v, want ErrLost", err)
	}
	for _, action := range []queue.Action{queue.Done, queue.Retry, queue.Postpone, queue.Bury} {
		err := b.Puller().Settle(b.Context(), first, queue.Verdict{Action: action})
		if !errors.Is(err, queue.ErrLost) {
			b.Errorf("settling the first delivery with %d: %v, want ErrLost", action, err)
		}
	}
	b.EventuallyStats(queue.Stats{InFlight: 1})
	if err := b.Puller().Extend(b.Context(), second, 10*time.Minute); err != nil {
		b.Errorf("extending the second delivery: %v", err)
	}
	if err := b.Puller().Settle(b.Context(), second, queue.Verdict{Action: queue.Done}); err != nil {
		b.Errorf("settling the second delivery: %v", err)
	}
	b.EventuallyStats(queue.Stats{})
}

// A task that kills its worker every time leaves nothing but lapsed deliveries.
func lapsesUseUpTheAttempts(b *Bench) {
	b.Enqueue("a")
	for want := 1; want <= 3; want++ {
		if received := b.Receive(1, b.Promises.ShortestVisibility)[0]; received.Attempt != want {
			b.Errorf("attempt %d, want %d", received.Attempt, want)
		}
	}
	told := make(chan string, 10)
	b.WorkOn(b.Driver, queue.Handlers{Kind: {
		Run: func(context.Context, queue.Delivery) error {
			b.Error("the task ran again")
			return nil
		},
		Dead: func(_ context.Context, _ queue.Delivery, reason string) error {
			told <- reason
			return nil
		},
	}}, queue.WorkerOptions{})
	reason := "visibility lapsed"
	if b.Promises.CountsLapses {
		reason = "visibility lapsed 3 times"
	}
	if got := Next(b, told); got != reason {
		b.Errorf("owner told %q, want %q", got, reason)
	}
	if dead := b.eventuallyDead(1)["a"]; dead.Reason != reason {
		b.Errorf("dead letter %+v", dead)
	}
}

// link is a driver for a worker that receives one task and whose attempts to extend its visibility are intercepted.
type link struct {
	queue.Driver
	queue.Puller
	extend   func(ctx context.Context, received queue.Received, visibility time.Duration) error
	received atomic.Bool
}

func (l *link) Receive(ctx context.Context, n int, visibility time.Duration) ([]queue.Received, error) {
	if l.received.Load() {
		<-ctx.Done()
		return nil, nil
	}
	deliveries, err := l.Puller.Receive(ctx, n, visibility)
	l.received.Store(len(deliveries) > 0)
	return deliveries, err
}

func (l *link) Extend(ctx context.Context, received queue.Received, visibility time.Duration) error {
	return l.extend(ctx, received, visibility)
}

func (l *link) Consume(_ context.Context, consumer queue.Consumer) (func(), error) {
	return queue.Pull(l, consumer), nil
}

func lostTaskEndsTheHandler(b *Bench) {
	redelivered := make(chan struct{})
	loseTask(b, redelivered, func(ctx context.Context, received queue.Received, visibility time.Duration) error {
		<-redelivered
		err := b.Puller().Extend(context.WithoutCancel(ctx), received, visibility)
		if !errors.Is(err, queue.ErrLost) {
			b.Errorf("extending after the loss: %v, want ErrLost", err)
		}
		return err
	})
}

func silentProductLosesTheTask(b *Bench) {
	loseTask(b, make(chan struct{}), func(context.Context, queue.Received, time.Duration) error {
		return errors.New("no route to host")
	})
}

// loseTask has one worker lose its task to another, which closes redelivered when it has the task.
func loseTask(
	b *Bench, redelivered chan struct{}, extend func(context.Context, queue.Received, time.Duration) error,
) {
	started, causes := make(chan struct{}), make(chan error, 1)
	driver := &link{Driver: b.Driver, Puller: b.Puller(), extend: extend}
	loser := b.WorkOn(driver, queue.Handlers{Kind: {Run: func(ctx context.Context, _ queue.Delivery) error {
		close(started)
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return nil // would end the task if it were not lost
	}}}, queue.WorkerOptions{Visibility: b.Promises.ShortestVisibility})
	b.Enqueue("a")
	Next(b, started)

	attempts, release := make(chan int, 10), make(chan struct{})
	b.Work(func(ctx context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		close(redelivered)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if attempt := Next(b, attempts); attempt != 2 {
		b.Errorf("redelivered as attempt %d, want 2", attempt)
	}
	if cause := Next(b, causes); !errors.Is(cause, queue.ErrLost) {
		b.Errorf("the loser's context ended with %v, want ErrLost", cause)
	}
	b.Stop(loser)
	b.EventuallyStats(queue.Stats{InFlight: 1})
	close(release)
	b.EventuallyStats(queue.Stats{})
}
