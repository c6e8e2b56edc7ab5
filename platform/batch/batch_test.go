package batch_test

import (
	"slices"
	"sync"
	"testing"

	"risingstars/platform/batch"
)

type item struct {
	n    int
	done bool
}

// One runs at a time, none is lost, and whoever waits goes with the others that wait.
func TestWhoeverWaitsGoesTogether(t *testing.T) {
	t.Parallel()
	entered, release := make(chan int, 100), make(chan struct{})
	var mu sync.Mutex
	var sizes []int
	q := batch.New(4, 1, func(items []*item) {
		entered <- len(items)
		<-release
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(items))
		for _, i := range items {
			i.done = true
		}
	})
	var all sync.WaitGroup
	items := make([]*item, 10)
	for n := range items {
		items[n] = &item{n: n}
		all.Go(func() {
			q.Do(items[n])
			if !items[n].done {
				t.Errorf("item %d is not done", n)
			}
		})
		if n == 0 {
			<-entered // the others wait for this one
		}
	}
	close(release)
	all.Wait()
	total := 0
	for _, size := range sizes {
		total += size
	}
	if total != len(items) || sizes[0] != 1 || slices.Max(sizes) > 4 {
		t.Errorf("batches of %v for %d items", sizes, len(items))
	}
}

// One runner that is held up does not hold up the other.
func TestRunnersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	q := batch.New(4, 2, func(items []string) {
		if items[0] == "slow" {
			<-held
		}
	})
	var slow sync.WaitGroup
	slow.Go(func() { q.Do("slow") })
	for range 100 {
		q.Do("quick")
	}
	close(held)
	slow.Wait()
}

// A panic reaches its caller and leaves the queue usable.
func TestAPanicLeavesTheQueueUsable(t *testing.T) {
	t.Parallel()
	ran := 0
	q := batch.New(4, 1, func(items []bool) {
		ran++
		if items[0] {
			panic("no")
		}
	})
	func() {
		defer func() { _ = recover() }()
		q.Do(true)
	}()
	q.Do(false)
	if ran != 2 {
		t.Errorf("%d runs, want 2", ran)
	}
}
