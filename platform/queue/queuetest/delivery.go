package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"risingstars/platform/queue"
)

var deliveryRules = []rule{
	{name: "TaskArrivesAsSent", test: taskArrivesAsSent},
	{name: "RoughlyFirstInFirstOut", test: roughlyFirstInFirstOut},
	{name: "TwoWorkersNeverShareATask", test: twoWorkersNeverShareATask},
	{name: "ConcurrencyIsUsedAndKept", test: concurrencyIsUsedAndKept},
	{name: "DuplicateIsLeftAlone", test: duplicateIsLeftAlone, deduplicates: true},
	{name: "KindsShareNoIDs", test: kindsShareNoIDs},
	{name: "InvalidTaskIsRefused", test: invalidTaskIsRefused},
	{name: "CancelledContextChangesNothing", test: cancelledContextChangesNothing},
	{name: "StatsShowTheStates", test: statsShowTheStates},
}

func taskArrivesAsSent(b *Bench) {
	every := make([]byte, queue.MaxPayload)
	for i := range every {
		every[i] = byte(i)
	}
	seen := make(chan queue.Delivery, 8)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d
		return nil
	})
	for id, payload := range map[string][]byte{
		"none": nil, "every-byte-64k": every, "broken-utf8": []byte("\xff\x00\xfe"), "ключ/ñ 1": []byte("{}"),
	} {
		task := queue.Task{Kind: Kind, ID: id, Payload: payload}
		if err := b.Queue.Enqueue(b.Context(), task); err != nil {
			b.Fatal(err)
		}
		want := queue.Delivery{Task: task, Attempt: 1, MaxAttempts: 3}
		if diff := cmp.Diff(want, Next(b, seen), cmpopts.EquateEmpty()); diff != "" {
			b.Error(diff)
		}
	}
	b.EventuallyStats(queue.Stats{})
}

func roughlyFirstInFirstOut(b *Bench) {
	const n = 20
	for i := range n {
		b.Enqueue(fmt.Sprint(i))
	}
	seen := make(chan int, n)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		var i int
		if _, err := fmt.Sscan(d.ID, &i); err != nil {
			return err
		}
		seen <- i
		return nil
	})
	var order []int
	for range n {
		order = append(order, Next(b, seen))
	}
	inversions := 0
	for i := range order {
		for j := range i {
			if order[j] > order[i] {
				inversions++
			}
		}
	}
	// In random order half of all pairs would be inversions.
	if inversions > n*(n-1)/2/4 {
		b.Errorf("%d inversions in %v", inversions, order)
	}
}

func twoWorkersNeverShareATask(b *Bench) {
	const n = 40
	var (
		mu     sync.Mutex
		active = map[string]int{}
		done   = map[string]bool{}
	)
	run := func(_ context.Context, d queue.Delivery) error {
		mu.Lock()
		active[d.ID]++
		if active[d.ID] > 1 {
			b.Errorf("task %s runs twice at once", d.ID)
		}
		mu.Unlock()

		time.Sleep(2 * time.Millisecond) // long enough for an overlap to show

		mu.Lock()
		defer mu.Unlock()
		active[d.ID]--
		if d.Attempt == 1 && strings.HasSuffix(d.ID, "3") {
			return errors.New("once more")
		}
		done[d.ID] = true
		return nil
	}
	for range 2 {
		b.WorkWith(run, queue.WorkerOptions{Concurrency: 4})
	}
	for i := range n {
		b.Enqueue(fmt.Sprint(i))
	}
	b.EventuallyStats(queue.Stats{})
	mu.Lock()
	defer mu.Unlock()
	if len(done) != n {
		b.Errorf("%d of %d tasks done", len(done), n)
	}
}

func concurrencyIsUsedAndKept(b *Bench) {
	const concurrency = 3
	started, release := make(chan string, 10), make(chan struct{})
	b.WorkWith(func(ctx context.Context, d queue.Delivery) error {
		started <- d.ID
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, queue.WorkerOptions{Concurrency: concurrency})
	b.Enqueue("a", "b", "c", "d", "e")
	for range concurrency {
		Next(b, started)
	}
	if stats := b.Stats(); stats.InFlight > concurrency || len(started) > 0 {
		b.Errorf("more than %d at once: %+v", concurrency, stats)
	}
	close(release)
	b.EventuallyStats(queue.Stats{})
}

func duplicateIsLeftAlone(b *Bench) {
	b.Enqueue("a", "a")
	b.EventuallyStats(queue.Stats{Ready: 1})

	started, release := make(chan struct{}, 10), make(chan struct{})
	b.WorkWith(func(ctx context.Context, _ queue.Delivery) error {
		started <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, queue.WorkerOptions{Concurrency: 2})
	Next(b, started)
	b.Enqueue("a")
	b.EventuallyStats(queue.Stats{InFlight: 1})
	close(release)
	b.EventuallyStats(queue.Stats{})
	if len(started) > 0 {
		b.Error("the duplicate ran")
	}

	b.Enqueue("a")
	Next(b, started) // a task that is done may be enqueued again
}

func kindsShareNoIDs(b *Bench) {
	seen := make(chan string, 2)
	run := func(_ context.Context, d queue.Delivery) error {
		seen <- d.Kind
		return nil
	}
	for _, kind := range []string{"one", "two"} {
		if err := b.Queue.Enqueue(b.Context(), queue.Task{Kind: kind, ID: "same"}); err != nil {
			b.Fatal(err)
		}
	}
	b.WorkOn(b.Driver, queue.Handlers{"one": {Run: run}, "two": {Run: run}}, queue.WorkerOptions{})
	if first, second := Next(b, seen), Next(b, seen); first == second {
		b.Errorf("kind %s ran twice", first)
	}
}

func invalidTaskIsRefused(b *Bench) {
	for name, task := range map[string]queue.Task{
		"64 KiB and one": {Kind: Kind, ID: "a", Payload: make([]byte, queue.MaxPayload+1)},
		"no kind":        {ID: "a"},
		"no id":          {Kind: Kind},
		"long id":        {Kind: Kind, ID: strings.Repeat("x", 129)},
		"broken id":      {Kind: Kind, ID: "a\x00"},
		"broken kind":    {Kind: "\xff", ID: "a"},
	} {
		if err := b.Queue.Enqueue(b.Context(), task); !errors.Is(err, queue.ErrInvalidTask) {
			b.Errorf("%s: %v, want ErrInvalidTask", name, err)
		}
	}
	b.EventuallyStats(queue.Stats{})
}

func cancelledContextChangesNothing(b *Bench) {
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	if err := b.Queue.Enqueue(ctx, queue.Task{Kind: Kind, ID: "a"}); err == nil {
		b.Error("Enqueue succeeded")
	}
	if _, err := b.Queue.Stats(ctx); err == nil {
		b.Error("Stats succeeded")
	}
	worker := queue.NewWorker(b.Driver, queue.Handlers{}, queue.WorkerOptions{})
	if err := worker.Start(ctx); err == nil {
		b.Error("Start succeeded")
	}
	b.Stop(worker)
	b.EventuallyStats(queue.Stats{})
}

func statsShowTheStates(b *Bench) {
	b.EventuallyStats(queue.Stats{})
	started := make(chan string, 10)
	worker := b.WorkWith(func(ctx context.Context, d queue.Delivery) error {
		switch d.ID {
		case "later":
			return queue.Later(time.Hour)
		case "dead":
			return errors.New("no use")
		}
		started <- d.ID
		<-ctx.Done()
		return ctx.Err()
	}, queue.WorkerOptions{Concurrency: 1, MaxAttempts: 1})
	b.Enqueue("later", "dead")
	b.EventuallyStats(queue.Stats{Delayed: 1, Dead: 1})
	b.Enqueue("busy")
	Next(b, started)
	b.Enqueue("ready-1", "ready-2")
	b.EventuallyStats(queue.Stats{Ready: 2, InFlight: 1, Delayed: 1, Dead: 1})
	if b.Promises.TellsAge {
		b.Eventually("an age of the oldest ready task", func() bool {
			age := b.Stats().OldestReady
			return age > 0 && age < Patience
		})
	}
	b.Stop(worker)
	b.EventuallyStats(queue.Stats{Ready: 3, Delayed: 1, Dead: 1})
}
