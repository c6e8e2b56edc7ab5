package queuetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"risingstars/platform/queue"
)

// Patience is how long a test waits for something that must happen; it is spent only if that does not happen.
const Patience = time.Minute

// Kind is the kind of nearly every task here.
const Kind = "probe"

// Bench is one queue under test. The suite runs on it; a driver's own tests embed it.
type Bench struct {
	*testing.T
	Driver   queue.Driver
	Queue    *queue.Queue
	Promises Promises

	log   lines
	gates []func() // opened before workers are stopped
}

// Puller returns the driver, which must be one that pulls.
func (b *Bench) Puller() queue.Puller { return b.Driver.(queue.Puller) }

// Enqueue enqueues tasks of Kind.
func (b *Bench) Enqueue(ids ...string) {
	b.Helper()
	for _, id := range ids {
		if err := b.Queue.Enqueue(b.Context(), queue.Task{Kind: Kind, ID: id}); err != nil {
			b.Fatal(err)
		}
	}
}

// Work is WorkWith without options.
func (b *Bench) Work(run func(ctx context.Context, d queue.Delivery) error) *queue.Worker {
	b.Helper()
	return b.WorkWith(run, queue.WorkerOptions{})
}

// WorkWith is WorkOn for tasks of Kind.
func (b *Bench) WorkWith(
	run func(ctx context.Context, d queue.Delivery) error, options queue.WorkerOptions,
) *queue.Worker {
	b.Helper()
	return b.WorkOn(b.Driver, queue.Handlers{Kind: {Run: run}}, options)
}

// WorkOn starts a worker that is stopped with the test. It retries after a few milliseconds and, unless the options say
// otherwise, grants no grace period.
func (b *Bench) WorkOn(driver queue.Driver, handlers queue.Handlers, options queue.WorkerOptions) *queue.Worker {
	b.Helper()
	return b.workOn(fastRetries{driver, 5000}, handlers, options)
}

func (b *Bench) workOn(driver queue.Driver, handlers queue.Handlers, options queue.WorkerOptions) *queue.Worker {
	b.Helper()
	if options.Grace == 0 {
		options.Grace = -1
	}
	options.Logger = b.Logger()
	worker := queue.NewWorker(driver, handlers, options)
	if err := worker.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		for _, open := range b.gates {
			open()
		}
		b.Stop(worker)
	})
	return worker
}

// Stop stops a worker before the test ends.
func (b *Bench) Stop(worker *queue.Worker) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := worker.Stop(ctx); err != nil {
		b.Error(err)
	}
}

// Gate returns a channel for handlers to wait for, and the function that closes it, which is called when the test ends
// at the latest.
func (b *Bench) Gate() (release <-chan struct{}, open func()) {
	c := make(chan struct{})
	open = sync.OnceFunc(func() { close(c) })
	b.gates = append(b.gates, open)
	return c, open
}

// Receive waits until a driver that pulls returns deliveries, up to n of them.
func (b *Bench) Receive(n int, visibility time.Duration) []queue.Received {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), Patience)
	defer cancel()
	for {
		deliveries, err := b.Puller().Receive(ctx, n, visibility)
		if err != nil || ctx.Err() != nil || len(deliveries) > n {
			b.Fatalf("received %d of %d: %v", len(deliveries), n, err)
		}
		if len(deliveries) > 0 {
			return deliveries
		}
	}
}

// Bury turns tasks of a driver that pulls into dead letters, without a worker.
func (b *Bench) Bury(ids ...string) {
	b.Helper()
	b.Enqueue(ids...)
	for left := len(ids); left > 0; {
		for _, received := range b.Receive(min(left, 10), time.Minute) {
			left--
			bury := queue.Verdict{Action: queue.Bury, Reason: "no use"}
			if err := b.Puller().Settle(b.Context(), received, bury); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// Dead returns the dead letters, the latest first.
func (b *Bench) Dead() []queue.DeadTask {
	b.Helper()
	dead, err := b.Queue.Dead(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	return dead
}

// Stats returns the queue's present state.
func (b *Bench) Stats() queue.Stats {
	b.Helper()
	stats, err := b.Queue.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return stats
}

// EventuallyStats waits until the stats are as wanted, also through errors of a busy server; it ignores the age if the
// driver promises one.
func (b *Bench) EventuallyStats(want queue.Stats) {
	b.Helper()
	b.Eventually(fmt.Sprintf("%+v", want), func() bool {
		got, err := b.Queue.Stats(b.Context())
		if err != nil {
			return false
		}
		if b.Promises.TellsAge {
			got.OldestReady = want.OldestReady
		}
		return got == want
	})
}

// Eventually waits until the condition holds.
func (b *Bench) Eventually(what string, condition func() bool) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			b.giveUp("did not happen: " + what)
		}
	}
}

// bencher is a Bench, or a type that embeds one.
type bencher interface {
	Helper()
	giveUp(why string)
}

// Next receives from a channel that a handler fills.
func Next[V any](b bencher, from <-chan V) V {
	b.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(Patience):
		b.giveUp("nothing arrived")
		panic("unreachable")
	}
}

// giveUp fails the test and reports the queue's state, which may be unknown too.
func (b *Bench) giveUp(why string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), Patience)
	defer cancel()
	stats, err := b.Queue.Stats(ctx)
	b.Fatalf("%s; stats %+v (%v)", why, stats, err)
}

// Logger writes to the bench's log, as its workers do.
func (b *Bench) Logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&b.log, nil)) }

// Logged returns the lines with this message so far; all lines if it is empty.
func (b *Bench) Logged(message string) (logged []map[string]any) {
	b.Helper()
	for decoder := json.NewDecoder(bytes.NewReader(b.log.all())); ; {
		var line map[string]any
		if err := decoder.Decode(&line); errors.Is(err, io.EOF) {
			return logged
		} else if err != nil {
			b.Fatal(err)
		}
		if message == "" || line["msg"] == message {
			logged = append(logged, line)
		}
	}
}

// fastRetries is a driver with shorter delays before retries, so that tests need not wait for the worker's backoff.
type fastRetries struct {
	queue.Driver
	times time.Duration // shorter
}

func (f fastRetries) Consume(ctx context.Context, consumer queue.Consumer) (stop func(), err error) {
	handle := consumer.Handle
	consumer.Handle = func(ctx context.Context, delivery queue.Delivery) queue.Verdict {
		verdict := handle(ctx, delivery)
		if verdict.Action == queue.Retry {
			verdict.Delay /= f.times
		}
		return verdict
	}
	return f.Driver.Consume(ctx, consumer)
}

// lines is a log in memory.
type lines struct {
	mu  sync.Mutex
	buf []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	return len(p), nil
}

func (l *lines) all() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf // bytes that have been written do not change
}
