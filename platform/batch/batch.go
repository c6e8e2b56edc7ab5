// Package batch does work for many callers at once, such as one commit for all of them. A caller that
// finds a free runner goes at once; those that come meanwhile form the next batch. So nobody waits for a timer, and
// without contention each caller has a batch for itself.
package batch

import (
	"sync"
)

// Queue batches the items of concurrent callers. It is safe for concurrent use.
type Queue[T any] struct {
	run     func(items []T)
	most    int
	runners int

	mu      sync.Mutex
	busy    int
	waiting []*call[T] // the next one first
}

// call is an item that waits. Its turn is true if the caller is to run the next batch, false if the item is done.
type call[T any] struct {
	item T
	turn chan bool
}

// New returns a queue whose run gets at most so many items at once. Up to so many runners are under way at the same
// time, so that one that is held up does not hold up all. An item's results are what run writes into it.
func New[T any](most, runners int, run func(items []T)) *Queue[T] {
	return &Queue[T]{run: run, most: most, runners: runners}
}

// Do returns when run has returned that was given the item. If run panics, it does so too where run was called, and
// only there; so the result in an item begins as a failure.
func (q *Queue[T]) Do(item T) {
	if c := q.enter(item); c != nil {
		if leads := <-c.turn; !leads {
			return
		}
		calls := q.next(c)
		items := make([]T, len(calls))
		for i, other := range calls {
			items[i] = other.item
		}
		defer q.leave(calls)
		q.run(items)
		return
	}
	defer q.leave(nil)
	q.run([]T{item})
}

// enter occupies a runner, or returns the call that waits for one.
func (q *Queue[T]) enter(item T) *call[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy < q.runners {
		q.busy++
		return nil
	}
	c := &call[T]{item, make(chan bool, 1)}
	q.waiting = append(q.waiting, c)
	return c
}

// next takes the next batch, which begins with its leader's call.
func (q *Queue[T]) next(leader *call[T]) []*call[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), q.most-1)
	calls := append([]*call[T]{leader}, q.waiting[:n]...)
	q.waiting = append([]*call[T](nil), q.waiting[n:]...)
	return calls
}

// leave tells the others of a batch that they are done, and hands the runner to the first that waits.
func (q *Queue[T]) leave(calls []*call[T]) {
	for _, c := range calls {
		c.turn <- false // the leader's own is never read
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.busy--
		return
	}
	first := q.waiting[0]
	q.waiting = q.waiting[1:]
	first.turn <- true
}
