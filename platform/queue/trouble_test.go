package queue_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/queue/queuetest"
)

// flaky is a driver whose first verdicts fail.
type flaky struct {
	*dbqueue.Driver
	failures atomic.Int32
}

func (f *flaky) Settle(ctx context.Context, received queue.Received, verdict queue.Verdict) error {
	if f.failures.Add(-1) >= 0 {
		return errors.New("connection reset")
	}
	return f.Driver.Settle(ctx, received, verdict)
}

// Extend fails for the first delivery of every task.
func (f *flaky) Extend(ctx context.Context, received queue.Received, visibility time.Duration) error {
	if received.Attempt == 1 {
		return errors.New("connection reset")
	}
	return f.Driver.Extend(ctx, received, visibility)
}

func (f *flaky) Consume(_ context.Context, consumer queue.Consumer) (func(), error) {
	return queue.Pull(f, consumer), nil
}

func TestVerdictIsWrittenAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	runs := make(chan int, 10)
	driver := &flaky{Driver: b.driver}
	driver.failures.Store(2)
	b.startOn(driver, queue.Handlers{"probe": {Run: func(_ context.Context, d queue.Delivery) error {
		runs <- d.Attempt
		return nil
	}}}, 10*time.Minute)
	b.Enqueue("a")
	b.EventuallyStats(queue.Stats{})
	if len(runs) != 1 || driver.failures.Load() != -1 {
		t.Errorf("%d runs, %d verdicts left to fail, want 1 run and a third verdict",
			len(runs), driver.failures.Load())
	}
}

// A handler's result for a lost task does not count, even if no other worker has the task yet.
func TestLostTaskRunsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	attempts := make(chan int, 10)
	run := func(ctx context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		if d.Attempt == 1 {
			<-ctx.Done()
		}
		return nil
	}
	b.startOn(&flaky{Driver: b.driver}, queue.Handlers{"probe": {Run: run}}, time.Second)
	b.Enqueue("a")
	for want := 1; want <= 2; want++ {
		if got := queuetest.Next(b, attempts); got != want {
			t.Errorf("attempt %d, want %d", got, want)
		}
	}
	b.EventuallyStats(queue.Stats{})
	got := b.samples()
	if lost, done := got["queue_tasks_total probe lost"], got["queue_tasks_total probe done"]; lost != 1 || done != 1 {
		t.Errorf("%v lost and %v done, want one of each", lost, done)
	}
}

// hasty is a driver whose stop does not wait for running handlers.
type hasty struct {
	*dbqueue.Driver
	stopped chan struct{}
}

func (h *hasty) Consume(ctx context.Context, consumer queue.Consumer) (func(), error) {
	stop, err := h.Driver.Consume(ctx, consumer)
	return func() {
		go func() {
			stop()
			close(h.stopped)
		}()
	}, err
}

func TestWorkerCountsItsOwnHandlers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	driver := &hasty{Driver: b.driver, stopped: make(chan struct{})}
	started, release := make(chan struct{}), make(chan struct{})
	worker := b.startOn(driver, queue.Handlers{"probe": {Run: func(context.Context, queue.Delivery) error {
		close(started)
		<-release
		return nil
	}}}, 10*time.Minute)
	b.Enqueue("a")
	queuetest.Next(b, started)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		b.Stop(worker)
	}()
	select {
	case <-stopped:
		t.Error("Stop returned while a handler ran")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	queuetest.Next(b, stopped)
	queuetest.Next(b, driver.stopped)
}
