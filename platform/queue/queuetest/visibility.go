package queuetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"risingstars/platform/queue"
)

var leaseRules = []rule{
	{name: "HeartbeatOutlastsTheVisibility", test: heartbeatOutlastsTheVisibility},
	{name: "OnlyTheCurrentLeaseCounts", test: onlyTheCurrentLeaseCounts, pullers: true},
	{name: "LapsesUseUpTheAttempts", test: lapsesUseUpTheAttempts, pullers: true},
	{name: "LostLeaseIsTold", test: lostLeaseIsTold, pullers: true},
	{name: "SilentProductLosesTheLease", test: silentProductLosesTheLease, pullers: true},
}

func heartbeatOutlastsTheVisibility(b *Bench) {
	visibility := max(b.Limits.Visibility, time.Second)
	for {
		watch := b.watchStalls()
		trouble := b.runForLongerThan(visibility)
		stall := watch()
		if trouble == nil {
			return
		}
		// Heartbeats come a third of the visibility apart: only who stood still for as long may have missed the rest.
		const longest = Patience / 3
		if stall < visibility/3 || visibility == longest {
			b.Fatalf("with a visibility of %s and a stall of %s: %v", visibility, stall, trouble)
		}
		visibility = min(2*max(visibility, stall), longest)
	}
}

// runForLongerThan has one of two workers keep a task for two and a half times the visibility, and fails when it loses it.
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

func onlyTheCurrentLeaseCounts(b *Bench) {
	b.Enqueue("a")
	first := b.Receive(1, b.Limits.Visibility)[0]
	second := b.Receive(1, 10*time.Minute)[0] // comes when the first lapsed
	if first.Attempt != 1 || second.Attempt != 2 {
		b.Errorf("attempts %d and %d, want 1 and 2", first.Attempt, second.Attempt)
	}
	if err := b.Puller().Extend(b.Context(), first, 10*time.Minute); !errors.Is(err, queue.ErrLost) {
		b.Errorf("extending the first lease: %v, want ErrLost", err)
	}
	for _, action := range []queue.Action{queue.Done, queue.Retry, queue.Postpone, queue.Bury} {
		if err := b.Puller().Settle(b.Context(), first, queue.Verdict{Action: action}); !errors.Is(err, queue.ErrLost) {
			b.Errorf("settling the first lease with %d: %v, want ErrLost", action, err)
		}
	}
	b.EventuallyStats(queue.Stats{InFlight: 1})
	if err := b.Puller().Extend(b.Context(), second, 10*time.Minute); err != nil {
		b.Errorf("extending the second lease: %v", err)
	}
	if err := b.Puller().Settle(b.Context(), second, queue.Verdict{Action: queue.Done}); err != nil {
		b.Errorf("settling the second lease: %v", err)
	}
	b.EventuallyStats(queue.Stats{})
}

// A task that kills its worker every time leaves nothing but lapsed leases.
func lapsesUseUpTheAttempts(b *Bench) {
	b.Enqueue("a")
	for want := 1; want <= 3; want++ {
		if lease := b.Receive(1, b.Limits.Visibility)[0]; lease.Attempt != want {
			b.Errorf("attempt %d, want %d", lease.Attempt, want)
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
	reason := "lease lapsed 3 times"
	if b.Limits.HidesLapses {
		reason = "lease lapsed"
	}
	if got := Next(b, told); got != reason {
		b.Errorf("owner told %q, want %q", got, reason)
	}
	if dead := b.eventuallyDead(1)["a"]; dead.Reason != reason {
		b.Errorf("dead letter %+v", dead)
	}
}

// link is a driver for a worker that receives one task, and whose heartbeats meet trouble on
// their way.
type link struct {
	queue.Driver
	queue.Puller
	extend   func(ctx context.Context, lease queue.Lease, visibility time.Duration) error
	received atomic.Bool
}

func (l *link) Receive(ctx context.Context, n int, visibility time.Duration) ([]queue.Lease, error) {
	if l.received.Load() {
		<-ctx.Done()
		return nil, nil
	}
	leases, err := l.Puller.Receive(ctx, n, visibility)
	l.received.Store(len(leases) > 0)
	return leases, err
}

func (l *link) Extend(ctx context.Context, lease queue.Lease, visibility time.Duration) error {
	return l.extend(ctx, lease, visibility)
}

func (l *link) Consume(_ context.Context, consumer queue.Consumer) (func(), error) {
	return queue.Pull(l, consumer), nil
}

func lostLeaseIsTold(b *Bench) {
	taken := make(chan struct{})
	loseLease(b, taken, func(ctx context.Context, lease queue.Lease, visibility time.Duration) error {
		<-taken
		err := b.Puller().Extend(context.WithoutCancel(ctx), lease, visibility)
		if !errors.Is(err, queue.ErrLost) {
			b.Errorf("heartbeat after the loss: %v, want ErrLost", err)
		}
		return err
	})
}

func silentProductLosesTheLease(b *Bench) {
	loseLease(b, make(chan struct{}), func(context.Context, queue.Lease, time.Duration) error {
		return errors.New("no route to host")
	})
}

// loseLease has one worker lose its task to another, which closes taken when it has it.
func loseLease(b *Bench, taken chan struct{}, extend func(context.Context, queue.Lease, time.Duration) error) {
	started, causes := make(chan struct{}), make(chan error, 1)
	driver := &link{Driver: b.Driver, Puller: b.Puller(), extend: extend}
	loser := b.WorkOn(driver, queue.Handlers{Kind: {Run: func(ctx context.Context, _ queue.Delivery) error {
		close(started)
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return nil // would make the task done, were it still ours
	}}}, queue.WorkerOptions{Visibility: b.Limits.Visibility})
	b.Enqueue("a")
	Next(b, started)

	attempts, release := make(chan int, 10), make(chan struct{})
	b.Work(func(ctx context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		close(taken)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if attempt := Next(b, attempts); attempt != 2 {
		b.Errorf("taken as attempt %d, want 2", attempt)
	}
	if cause := Next(b, causes); !errors.Is(cause, queue.ErrLost) {
		b.Errorf("the loser's context ended with %v, want ErrLost", cause)
	}
	b.Stop(loser)
	b.EventuallyStats(queue.Stats{InFlight: 1})
	close(release)
	b.EventuallyStats(queue.Stats{})
}
