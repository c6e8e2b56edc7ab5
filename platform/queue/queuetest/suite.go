// Package queuetest holds the promises of package queue as tests that every driver must pass.
package queuetest

import (
	"context"
	"testing"
	"time"

	"risingstars/platform/queue"
)

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
				if _, pulls := driver.(queue.Puller); rule.pullers && !pulls {
					t.Skip("this product holds the leases itself")
				}
				if rule.deduplicates && limits.KeepsDuplicates {
					t.Skip("this product cannot recognise a duplicate")
				}
				rule.test(&Bench{T: t, Driver: driver, Queue: queue.New(driver, queue.Options{}), Limits: limits})
			})
		}
	}
}

type rule struct {
	name string
	test func(b *Bench)

	pullers, deduplicates bool // what it needs of the driver
}

// eventuallyDead waits for n dead letters, by ID.
func (b *Bench) eventuallyDead(n int) map[string]queue.DeadTask {
	b.Helper()
	byID := map[string]queue.DeadTask{}
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

// watchStalls asks the queue all the time; what it returns ends that and gives the longest time without an answer, for which
// this process or the product stood still.
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
