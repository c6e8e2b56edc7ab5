package asynqueue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"risingstars/platform/queue"
)

// outagePause is the pause between two pings while Redis is away.
const outagePause = 200 * time.Millisecond

// Consume runs an asynq server. After an outage of Redis it continues by itself.
func (d *Driver) Consume(ctx context.Context, consumer queue.Consumer) (stop func(), err error) {
	if err := d.Ping(ctx); err != nil {
		return nil, err
	}
	c := &consuming{
		consumer: consumer, driver: d,
		slots: make(chan struct{}, consumer.Concurrency), stopping: make(chan struct{}),
	}
	server := asynq.NewServerFromRedisClient(d.client, asynq.Config{
		Concurrency:              consumer.Concurrency,
		Queues:                   map[string]int{d.queue: 1},
		TaskCheckInterval:        d.poll,
		DelayedTaskCheckInterval: d.poll,
		RetryDelayFunc:           delayOf,
		IsFailure:                counts,
		// After this timeout, asynq would give tasks to other workers although their handlers still run here.
		ShutdownTimeout: math.MaxInt64,
		Logger:          newServerLog(consumer.Logger),
		LogLevel:        asynq.WarnLevel,
	})
	if err := server.Start(asynq.HandlerFunc(c.process)); err != nil {
		return nil, fmt.Errorf("start asynq: %w", err)
	}
	recovering, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.running.Go(func() { d.recoverTasks(recovering, consumer.Logger) })
	return func() {
		close(c.stopping)
		cancel()
		server.Shutdown()
		c.running.Wait()
	}, nil
}

// consuming counts its handlers itself, because asynq forgets a handler whose task it has lost.
type consuming struct {
	consumer queue.Consumer
	driver   *Driver
	slots    chan struct{}
	running  sync.WaitGroup
	stopping chan struct{}
}

func (c *consuming) process(ctx context.Context, task *asynq.Task) error {
	c.running.Add(1)
	defer c.running.Done()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return queue.ErrLost
	}
	id, _ := asynq.GetTaskID(ctx)
	retried, _ := asynq.GetRetryCount(ctx)
	if retried > 0 {
		// Asynq may have returned the task of a worker that vanished.
		replaced, err := c.driver.exists(ctx, copyID(id, task.Headers()))
		if err != nil {
			return c.settle(ctx, queue.Verdict{Action: queue.Postpone})
		}
		if replaced {
			return nil
		}
	}
	// Asynq ends the context when the lease has lapsed or an operator cancels the task. The task is then delivered
	// again, whatever its handler returns.
	handling, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	unhook := context.AfterFunc(ctx, func() { cancel(queue.ErrLost) })
	defer unhook()

	from := originOf(task.Headers())
	return c.settle(ctx, c.consumer.Handle(handling, queue.Delivery{
		Task: queue.Task{
			Kind: task.Type(), ID: idOf(id), Payload: task.Payload(), Trace: task.Headers()[traceHeader],
		},
		Attempt: from.attempts + retried + 1, Redriven: from.redriven,
	}))
}

// settle turns a verdict into a result for asynq.
func (c *consuming) settle(ctx context.Context, verdict queue.Verdict) error {
	c.awaitRedis(ctx)
	switch {
	case ctx.Err() != nil:
		return queue.ErrLost
	case verdict.Action == queue.Done:
		return nil
	default:
		return &settled{verdict}
	}
}

// awaitRedis returns when Redis answers, the lease has lapsed or the worker stops. Asynq writes a verdict only once: if
// that fails, its second attempt uses a context that it has already cancelled, and the task would run again.
func (c *consuming) awaitRedis(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		if err := c.driver.Ping(ctx); err == nil {
			return
		}
		select {
		case <-c.stopping:
			return
		default:
			pause.Reset(outagePause)
		}
	}
}

// settled is a verdict as an error, which is how asynq accepts it.
type settled struct{ verdict queue.Verdict }

// Error returns what asynq keeps as the task's last error.
func (s *settled) Error() string {
	if s.verdict.Action == queue.Postpone {
		return "postponed"
	}
	return s.verdict.Reason
}

// Is makes asynq archive a task that is buried.
func (s *settled) Is(target error) bool {
	return s.verdict.Action == queue.Bury && target == asynq.SkipRetry
}

// counts reports whether a delivery uses up an attempt. One that asynq ended itself does.
func counts(err error) bool {
	s, ok := errors.AsType[*settled](err)
	return !ok || s.verdict.Action != queue.Postpone
}

// delayOf rounds the verdict's delay up, because asynq truncates the resulting time to whole seconds.
func delayOf(_ int, err error, _ *asynq.Task) time.Duration {
	s, ok := errors.AsType[*settled](err)
	if !ok || s.verdict.Delay <= 0 {
		return 0
	}
	return s.verdict.Delay + time.Second - time.Nanosecond
}
