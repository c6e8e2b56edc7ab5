package asynqueue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

// cancels cancels the handler of a task as an operator would, until the handler notices: a server that has not
// subscribed yet misses the message. Asynq cancels the tasks of this ID in all queues, so no two tests may use the same
// ID.
func (b *bench) cancels(id string, handling context.Context) { //nolint:revive // b is the test
	b.Helper()
	inspector := b.inspector()
	b.Eventually("its cancellation", func() bool {
		if err := inspector.CancelProcessing(kind + ":" + id); err != nil {
			b.Fatal(err)
		}
		return handling.Err() != nil
	})
}

// Asynq forgets the handler of a task that it cancels; the driver must not.
func TestCancelledTaskIsLostAndRunsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type start struct {
		attempt int
		ctx     context.Context
	}
	starts := make(chan start, 10)
	release, open := b.Gate()
	b.Work(func(ctx context.Context, d queue.Delivery) error {
		starts <- start{d.Attempt, ctx}
		if d.Attempt == 1 {
			<-release
		}
		return nil
	})
	b.Enqueue("cancelled")
	first := queuetest.Next(b, starts)
	b.cancels("cancelled", first.ctx)
	if cause := context.Cause(first.ctx); !errors.Is(cause, queue.ErrLost) {
		t.Errorf("cancelled with %v, want ErrLost", cause)
	}
	// The second delivery waits for the only slot, although asynq counts it as free.
	b.EventuallyStats(queue.Stats{InFlight: 1})
	if len(starts) > 0 {
		t.Error("two handlers at once")
	}
	open()
	if second := queuetest.Next(b, starts); second.attempt != 2 {
		t.Errorf("attempt %d, want 2", second.attempt)
	}
	b.EventuallyStats(queue.Stats{})
}

func TestStopWaitsForTheHandlerOfALostTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started := make(chan context.Context, 1)
	release, open := b.Gate()
	stop, err := b.Driver.Consume(t.Context(), queue.Consumer{
		Concurrency: 1, Visibility: time.Second, Logger: b.Logger(),
		Handle: func(ctx context.Context, d queue.Delivery) queue.Verdict {
			if d.Attempt > 1 { // delivered again just before the stop
				return queue.Verdict{Action: queue.Postpone}
			}
			started <- ctx
			<-release
			return queue.Verdict{Action: queue.Done}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Enqueue("cancelled while stopping")
	b.cancels("cancelled while stopping", queuetest.Next(b, started))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	select {
	case <-stopped:
		t.Error("stopped while a handler ran")
	case <-time.After(300 * time.Millisecond):
	}
	open()
	queuetest.Next(b, stopped)
	b.EventuallyStats(queue.Stats{Ready: 1}) // the verdict Done came too late
}

// After a flush the owner sends its tasks again, while workers run that know nothing of the flush.
func TestFlushedRedisAcceptsTheTasksAgain(t *testing.T) {
	t.Parallel()
	b := setupOn(t, startServer(t).url(nil, ""))
	b.bury("dead")
	var (
		mu   sync.Mutex
		done = map[string]int{}
	)
	started := make(chan struct{}, 10)
	release, open := b.Gate()
	b.Work(func(_ context.Context, d queue.Delivery) error {
		started <- struct{}{}
		<-release
		mu.Lock()
		defer mu.Unlock()
		done[d.ID]++
		return nil
	})
	b.Enqueue("busy", "b", "c")
	queuetest.Next(b, started)
	if err := b.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	b.EventuallyStats(queue.Stats{})
	b.Enqueue("b", "c", "d")
	b.EventuallyStats(queue.Stats{Ready: 3})
	open()
	b.EventuallyStats(queue.Stats{})
	mu.Lock()
	defer mu.Unlock()
	for _, id := range []string{"busy", "b", "c", "d"} {
		if done[id] != 1 {
			t.Errorf("task %s done %d times", id, done[id])
		}
	}
	// Asynq's own register of queues was flushed too.
	if _, err := b.inspector().GetQueueInfo(b.name); err != nil {
		t.Error(err)
	}
	if found, err := b.Queue.Redrive(t.Context(), kind, "dead"); err != nil || found {
		t.Errorf("Redrive of a flushed dead letter: %v (%v)", found, err)
	}
}

func TestServerKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--appendonly", "yes", "--appendfsync", "always")
	b := setupOn(t, s.url(nil, ""))
	const n = 30
	var (
		mu   sync.Mutex
		done = map[string]bool{}
	)
	busy := make(chan struct{}, n)
	release, open := b.Gate()
	b.WorkWith(func(_ context.Context, d queue.Delivery) error {
		busy <- struct{}{}
		<-release
		mu.Lock()
		defer mu.Unlock()
		done[d.ID] = true
		return nil
	}, queue.WorkerOptions{Concurrency: 3})
	for i := range n {
		b.Enqueue(fmt.Sprint(i))
	}
	for range 3 {
		queuetest.Next(b, busy)
	}
	s.kill()
	open() // there is no server for the verdicts
	b.Eventually("the outage in the log", func() bool { return len(b.Logged("asynq")) > 0 })
	if !s.start() {
		t.Fatal("the port is taken")
	}
	b.Eventually("an end of the outage", func() bool {
		_, err := b.Queue.Stats(t.Context())
		return err == nil
	})
	b.EventuallyStats(queue.Stats{})
	mu.Lock()
	defer mu.Unlock()
	if len(done) != n || len(busy) != n-3 {
		t.Errorf("%d of %d tasks done in %d runs", len(done), n, len(busy)+3)
	}
}

// After standing still for a while, a server answers all requests, including those of clients that have hung up. Nobody
// works on a task in such an answer before its visibility ends.
func TestAServerThatStandsStillCostsNoAttempt(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := setupOn(t, s.url(nil, ""))
	seen := make(chan int, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d.Attempt
		return nil
	})
	s.signal(syscall.SIGSTOP)
	enqueued := make(chan error, 1)
	go func() { enqueued <- b.Queue.Enqueue(b.Context(), queue.Task{Kind: kind, ID: "a"}) }()
	time.Sleep(4 * time.Second) // longer than go-redis would wait by itself
	s.signal(syscall.SIGCONT)
	if err := queuetest.Next(b, enqueued); err != nil {
		t.Fatal(err)
	}
	if attempt := queuetest.Next(b, seen); attempt != 1 {
		t.Errorf("attempt %d", attempt)
	}
	b.EventuallyStats(queue.Stats{})
}

func TestRepeatedTroubleIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := setupOn(t, s.url(nil, ""))
	b.WorkOn(b.Driver, queue.Handlers{}, queue.WorkerOptions{})
	s.kill()
	b.Eventually("two sorts of trouble", func() bool { return len(b.Logged("asynq")) >= 2 })
	seen := map[any]bool{}
	for _, line := range b.Logged("asynq") {
		if seen[line["text"]] {
			t.Errorf("logged twice: %v", line["text"])
		}
		seen[line["text"]] = true
	}
}
