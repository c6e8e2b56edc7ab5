package queuetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"risingstars/platform/queue"
)

var stopRules = []rule{
	{name: "StopGivesBusyTasksBack", test: stopGivesBusyTasksBack},
	{name: "StopGrantsGrace", test: stopGrantsGrace},
	{name: "StopIsCutShortByItsContext", test: stopIsCutShortByItsContext},
	{name: "StopAnyTime", test: stopAnyTime},
	{name: "StoppedWorkerTakesNothing", test: stoppedWorkerTakesNothing},
}

func stopGivesBusyTasksBack(b *bench) {
	started, causes := make(chan struct{}, 2), make(chan error, 2)
	worker := b.workerOn(b.driver, func(ctx context.Context, d queue.Delivery) error {
		started <- struct{}{}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		if d.ID == "misread" {
			return queue.Dead(errors.New("ffmpeg was killed"))
		}
		return ctx.Err()
	}, queue.WorkerOptions{Concurrency: 2, Grace: 50 * time.Millisecond})
	b.enqueue("a", "misread")
	next(b, started)
	next(b, started)
	b.stop(worker)
	if len(causes) != 2 {
		b.Fatalf("%d of 2 handlers had returned when Stop did", len(causes))
	}
	for range 2 {
		if cause := <-causes; !errors.Is(cause, queue.ErrStopping) {
			b.Errorf("a handler's context ended with %v, want ErrStopping", cause)
		}
	}
	b.eventuallyStats(queue.Stats{Ready: 2})

	attempts := make(chan int, 2)
	b.worker(func(_ context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		return nil
	})
	for range 2 {
		if attempt := next(b, attempts); attempt != 1 {
			b.Errorf("given back with attempt %d used up", attempt-1)
		}
	}
	b.eventuallyStats(queue.Stats{})
}

func stopGrantsGrace(b *bench) {
	started, release := make(chan struct{}, 1), make(chan struct{})
	var finished atomic.Bool
	worker := b.workerOn(b.driver, func(ctx context.Context, _ queue.Delivery) error {
		started <- struct{}{}
		select {
		case <-release:
			finished.Store(true)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, queue.WorkerOptions{Grace: patience})
	b.enqueue("a")
	next(b, started)

	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		b.stop(worker)
	}()
	select {
	case <-stopped:
		b.Error("Stop returned while a handler ran")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	next(b, stopped)
	if !finished.Load() {
		b.Error("the handler was not let finish")
	}
	b.eventuallyStats(queue.Stats{})
}

func stopIsCutShortByItsContext(b *bench) {
	started := make(chan struct{}, 1)
	run := func(ctx context.Context, _ queue.Delivery) error {
		started <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	b.enqueue("a")
	for {
		worker := b.workerOn(b.driver, run, queue.WorkerOptions{Grace: time.Hour})
		next(b, started)
		watch := b.watchStalls()
		err := worker.Stop(ctx)
		if stall := watch(); err == nil {
			break
		} else if stall < time.Second {
			b.Fatal(err)
		}
		b.stop(worker) // what stood still could not end in time
	}
	b.eventuallyStats(queue.Stats{Ready: 1})
}

func stopAnyTime(b *bench) {
	never := queue.NewWorker(b.driver, queue.Handlers{}, queue.WorkerOptions{})
	b.stop(never)
	b.stop(never)
	if err := never.Start(b.Context()); err == nil {
		b.Error("a stopped worker started")
	}
	worker := b.worker(func(context.Context, queue.Delivery) error { return nil })
	if err := worker.Start(b.Context()); err == nil {
		b.Error("a worker started twice")
	}
	var stops sync.WaitGroup
	for range 5 {
		stops.Go(func() { b.stop(worker) })
	}
	stops.Wait()
	b.stop(worker)
}

func stoppedWorkerTakesNothing(b *bench) {
	seen := make(chan string, 10)
	worker := b.workerOn(b.driver, func(_ context.Context, d queue.Delivery) error {
		seen <- "first worker: " + d.ID
		return nil
	}, queue.WorkerOptions{})
	b.enqueue("a")
	b.eventuallyStats(queue.Stats{})
	b.stop(worker)
	b.enqueue("b")
	if !b.limits.TakesIntoNothing {
		b.eventuallyStats(queue.Stats{Ready: 1})
	}
	b.worker(func(_ context.Context, d queue.Delivery) error {
		seen <- "second worker: " + d.ID
		return nil
	})
	for _, want := range []string{"first worker: a", "second worker: b"} {
		if got := next(b, seen); got != want {
			b.Errorf("%s, want %s", got, want)
		}
	}
}
