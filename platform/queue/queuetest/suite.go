// Package queuetest tests the promises of package queue. Every driver must pass the suite, and states beside it, as
// [Promises], what it promises beyond what all drivers do.
package queuetest

import (
	"context"
	"testing"
	"time"

	"risingstars/platform/queue"
)

// Promises are what a driver promises beyond what all drivers do.
type Promises struct {
	// RecoversWithin is the longest time from a worker's death until another worker has its task. A driver that pulls
	// is tested with the shortest visibility.
	RecoversWithin time.Duration
	// ShortestVisibility is the shortest visibility that a driver that pulls supports; 0: 300 ms.
	ShortestVisibility time.Duration
	// Deduplicates: a task that waits or runs is left alone if it is enqueued again, and a dead one is revived.
	Deduplicates bool
	// TellsAge: Stats includes the age of the oldest ready task.
	TellsAge bool
	// CountsLapses: a delivery includes how many earlier ones lapsed.
	CountsLapses bool
	// StopsReceiving: once a worker has stopped it receives nothing more. Otherwise its last request may still be
	// answered, and the tasks in the answer are ready again when their visibility ends.
	StopsReceiving bool
	// Vanish has a worker receive one task and vanish. A driver that pulls needs none.
	Vanish func(b *Bench)
}

// Run runs the suite; open returns the driver of a new and empty queue. Drivers that implement queue.Puller are also
// tested on visibility.
func Run(t *testing.T, open func(t *testing.T) queue.Driver, promises Promises) {
	t.Helper()
	if promises.ShortestVisibility == 0 {
		promises.ShortestVisibility = 300 * time.Millisecond
	}
	for _, group := range [][]rule{deliveryRules, resultRules, visibilityRules, stopRules} {
		for _, rule := range group {
			t.Run(rule.name, func(t *testing.T) {
				t.Parallel()
				driver := open(t)
				if _, pulls := driver.(queue.Puller); rule.pullers && !pulls {
					t.Skip("this driver does not pull")
				}
				if rule.deduplicates && !promises.Deduplicates {
					t.Skip("this driver does not promise to deduplicate")
				}
				rule.test(&Bench{T: t, Driver: driver, Queue: queue.New(driver, queue.Options{}), Promises: promises})
			})
		}
	}
}

type rule struct {
	name string
	test func(b *Bench)

	pullers, deduplicates bool // what the test needs of the driver
}

// eventuallyDead waits for n dead letters, by ID.
func (b *Bench) eventuallyDead(n int) map[string]queue.DeadTask {
	b.Helper()
	byID := map[string]queue.DeadTask{}
	b.Eventually("the deaths", func() bool { return b.Stats().Dead == n }) // counting is quicker than listing
	b.Eventually("the dead letters", func() bool {
		dead := b.Dead()
		clear(byID)
		for _, task := range dead {
			byID[task.ID] = task
		}
		return len(dead) == n
	})
	return byID
}

// watchStalls queries the queue all the time. The returned function stops that and returns the longest time without an
// answer, during which this process or the product stood still.
func (b *Bench) watchStalls() (longest func() time.Duration) {
	ctx, cancel := context.WithCancel(b.Context())
	found := make(chan time.Duration, 1)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		longest, answered := time.Duration(0), time.Now()
		for ctx.Err() == nil {
			_, err := b.Queue.Stats(ctx)
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
