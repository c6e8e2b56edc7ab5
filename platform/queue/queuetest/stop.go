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
	{name: "StoppedWorkerReceivesNothing", test: stoppedWorkerReceivesNothing},
}

func stopGivesBusyTasksBack(b *Bench) {
	started, causes := make(chan struct{}, 2), make(chan error, 2)
	worker := b.WorkWith(func(ctx context.Context, d queue.Delivery) error {
		started <- struct{}{}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		if d.ID == "misread" {
			return queue.Discard(errors.New("ffmpeg was killed"))
		}
		return ctx.Err()
	}, queue.WorkerOptions{Concurrency: 2, Grace: 50 * time.Millisecond})
	b.Enqueue("a", "misread")
	Next(b, started)
	Next(b, started)
	b.Stop(worker)
	if len(causes) != 2 {
		b.Fatalf("%d of 2 handlers had returned when Stop did", len(causes))
	}
	for range 2 {
		if cause := <-causes; !errors.Is(cause, queue.ErrStopping) {
			b.Errorf("a handler's context ended with %v, want ErrStopping", cause)
		}
	}
	b.EventuallyStats(queue.Stats{Ready: 2})

	attempts := make(chan int, 2)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		return nil
	})
	for range 2 {
		if attempt := Next(b, attempts); attempt != 1 {
			b.Errorf("given back with attempt %d used up", attempt-1)
		}
	}
	b.EventuallyStats(queue.Stats{})
}

func stopGrantsGrace(b *Bench) {
	started, release := make(chan struct{}, 1), make(chan struct{})
	var finished atomic.Bool
	worker := b.WorkWith(func(ctx context.Context, _ queue.Delivery) error {
		started <- struct{}{}
		select {
		case <-release:
			finished.Store(true)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, queue.WorkerOptions{Grace: Patience})
	b.Enqueue("a")
	Next(b, started)

	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		b.Stop(worker)
	}()
	select {
	case <-stopped:
		b.Error("Stop returned while a handler ran")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	Next(b, stopped)
	if !finished.Load() {
		b.Error("the handler was not allowed to finish")
	}
	b.EventuallyStats(queue.Stats{})
}

func stopIsCutShortByItsContext(b *Bench) {
	started := make(chan struct{}, 1)
	run := func(ctx context.Context, _ queue.Delivery) error {
		started <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	b.Enqueue("a")
	for {
		worker := b.WorkWith(run, queue.WorkerOptions{Grace: time.Hour})
		Next(b, started)
		watch := b.watchStalls()
		err := worker.Stop(ctx)
		if stall := watch(); err == nil {
			break
		} else if stall < time.Second {
			b.Fatal(err)
		}
		b.Stop(worker) // a process that stood still could not end in time
	}
	b.EventuallyStats(queue.Stats{Ready: 1})
}

func stopAnyTime(b *Bench) {
	never := queue.NewWorker(b.Driver, queue.Handlers{}, queue.WorkerOptions{})
	b.Stop(never)
	b.Stop(never)
	if err := never.Start(b.Context()); err == nil {
		b.Error("a stopped worker started")
	}
	worker := b.Work(func(context.Context, queue.Delivery) error { return nil })
	if err := worker.Start(b.Context()); err == nil {
		b.Error("a worker started twice")
	}
	var stops sync.WaitGroup
	for range 5 {
		stops.Go(func() { b.Stop(worker) })
	}
	stops.Wait()
	b.Stop(worker)
}

func stoppedWorkerReceivesNothing(b *Bench) {
	seen := make(chan string, 10)
	worker := b.WorkWith(func(_ context.Context, d queue.Delivery) error {
		seen <- "first worker: " + d.ID
		return nil
	}, queue.WorkerOptions{})
	b.Enqueue("a")
	b.EventuallyStats(queue.Stats{})
	b.Stop(worker)
	b.Enqueue("b")
	if b.Promises.StopsReceiving {
		b.EventuallyStats(queue.Stats{Ready: 1})
	}
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- "second worker: " + d.ID
		return nil
	})
	for _, want := range []string{"first worker: a", "second worker: b"} {
		if got := Next(b, seen); got != want {
			b.Errorf("%s, want %s", got, want)
		}
	}
}
