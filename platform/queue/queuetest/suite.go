// Package queuetest holds the promises of package queue as tests that every driver must pass.
package queuetest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"risingstars/platform/queue"
)

// patience is how long a test waits for what must happen; it is spent only when it does not.
const patience = time.Minute

// kind is the kind of nearly every task here.
const kind = "probe"

// Limits says what a product cannot do, so that the suite asks only for what it can. The zero
// value: nothing of the kind.
type Limits struct {
	Visibility      time.Duration // the shortest it knows; 300 ms
	KeepsDuplicates bool          // cannot tell that it already has a task
	HidesAge        bool          // does not know the age of the oldest ready task
	HidesLapses     bool          // counts a lapsed lease like any other attempt
	// TakesIntoNothing: a worker's last question may still be answered when it has stopped, and what it takes is ready
	// again when its lease lapses.
	TakesIntoNothing bool
}

// Run runs the suite; open returns the driver of a new and empty queue. Drivers that pull are
// tested on their leases too.
func Run(t *testing.T, open func(t *testing.T) queue.Driver, limits Limits) {
	t.Helper()
	if limits.Visibility == 0 {
		limits.Visibility = 300 * time.Millisecond
	}
	for _, group := range [][]rule{deliveryRules, resultRules, leaseRules, stopRules} {
		for _, rule := range group {
			t.Run(rule.name, func(t *testing.T) {
				t.Parallel()
				driver := open(t)
				puller, pulls := driver.(queue.Puller)
				if rule.pullers && !pulls {
					t.Skip("this product holds the leases itself")
				}
				if rule.deduplicates && limits.KeepsDuplicates {
					t.Skip("this product cannot recognise a duplicate")
				}
				rule.test(&bench{
					T: t, driver: driver, puller: puller, queue: queue.New(driver, queue.Options{}), limits: limits,
				})
			})
		}
	}
}

type rule struct {
	name string
	test func(b *bench)

	pullers, deduplicates bool // what it needs of the driver
}

// bench is one queue under test.
type bench struct {
	*testing.T
	driver queue.Driver
	puller queue.Puller // the driver; nil when it does not pull
	queue  *queue.Queue
	limits Limits
}

func (b *bench) enqueue(ids ...string) {
	b.Helper()
	for _, id := range ids {
		if err := b.queue.Enqueue(b.Context(), queue.Task{Kind: kind, ID: id}); err != nil {
			b.Fatal(err)
		}
	}
}

// worker is one that retries fast and is stopped with the test.
func (b *bench) worker(run func(ctx context.Context, d queue.Delivery) error) *queue.Worker {
	b.Helper()
	return b.workerOn(b.driver, run, queue.WorkerOptions{})
}

func (b *bench) workerOn(driver queue.Driver, run func(ctx context.Context, d queue.Delivery) error, options queue.WorkerOptions) *queue.Worker {
	b.Helper()
	return b.start(driver, queue.Handlers{kind: {Run: run}}, options)
}

func (b *bench) start(driver queue.Driver, handlers queue.Handlers, options queue.WorkerOptions) *queue.Worker {
	b.Helper()
	if options.Backoff == (queue.Backoff{}) {
		options.Backoff = queue.Backoff{Base: 10 * time.Millisecond, Max: 10 * time.Millisecond}
	}
	if options.Grace == 0 {
		options.Grace = -1
	}
	options.Logger = slog.New(slog.DiscardHandler)
	worker := queue.NewWorker(driver, handlers, options)
	if err := worker.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { b.stop(worker) })
	return worker
}

func (b *bench) stop(worker *queue.Worker) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := worker.Stop(ctx); err != nil {
		b.Error(err)
	}
}

// eventually asks until the answer is true.
func (b *bench) eventually(what string, answer func() bool) {
	b.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !answer() {
		if time.Now().After(deadline) {
			b.Fatalf("did not come: %s", what)
		}
		<-tick.C
	}
}

func (b *bench) stats() queue.Stats {
	b.Helper()
	stats, err := b.queue.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return stats
}

// eventuallyStats compares everything but the age.
func (b *bench) eventuallyStats(want queue.Stats) {
	b.Helper()
	var got queue.Stats
	defer func() {
		if b.Failed() {
			b.Logf("last seen: %+v, want %+v", got, want)
		}
	}()
	b.eventually("the expected stats", func() bool {
		got = b.stats()
		got.OldestReady = want.OldestReady
		return got == want
	})
}

// eventuallyDead waits for n dead letters, by ID.
func (b *bench) eventuallyDead(n int) map[string]queue.DeadTask {
	b.Helper()
	byID := map[string]queue.DeadTask{}
	b.eventually("the dead letters", func() bool {
		dead, err := b.queue.Dead(b.Context(), 0)
		if err != nil {
			b.Fatal(err)
		}
		clear(byID)
		for _, task := range dead {
			byID[task.ID] = task
		}
		return len(dead) == n
	})
	return byID
}

// watchStalls asks the queue all the time; what it returns ends that and gives the longest time without an answer, for which
// this process or the product stood still.
func (b *bench) watchStalls() (longest func() time.Duration) {
	ctx, cancel := context.WithCancel(b.Context())
	found := make(chan time.Duration, 1)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		longest, answered := time.Duration(0), time.Now()
		for ctx.Err() == nil {
			_, err := b.queue.Stats(ctx)
			now := time.Now()
			longest = max(longest, now.Sub(answered))
			if err == nil {
				answered = now
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		found <- max(longest, time.Since(answered))
	}()
	return func() time.Duration {
		cancel()
		return <-found
	}
}

// next takes from a channel that a handler fills.
func next[T any](b *bench, from <-chan T) T {
	b.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		b.Fatal("nothing came")
		panic("unreachable")
	}
}
