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

// Patience is how long a test waits for what must happen; it is spent only when it does not.
const Patience = time.Minute

// Kind is the kind of nearly every task here.
const Kind = "probe"

// Bench is one queue under test. The suite runs on it; a driver's own tests embed it beside what only they need.
type Bench struct {
	*testing.T
	Driver queue.Driver
	Queue  *queue.Queue
	Limits Limits // of the product

	log   lines
	gates []func() // opened before workers are stopped
}

// Puller is the driver, which must be one that pulls.
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
func (b *Bench) WorkWith(run func(ctx context.Context, d queue.Delivery) error, options queue.WorkerOptions) *queue.Worker {
	b.Helper()
	return b.WorkOn(b.Driver, queue.Handlers{Kind: {Run: run}}, options)
}

// WorkOn starts a worker that is stopped with the test. Unless the options say otherwise, it retries fast and grants no grace.
func (b *Bench) WorkOn(driver queue.Driver, handlers queue.Handlers, options queue.WorkerOptions) *queue.Worker {
	b.Helper()
	if options.Backoff == (queue.Backoff{}) {
		options.Backoff = queue.Backoff{Base: time.Millisecond, Max: time.Millisecond}
	}
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

// Gate is what handlers wait at until it is opened, at the latest when the test ends.
func (b *Bench) Gate() (release <-chan struct{}, open func()) {
	c := make(chan struct{})
	open = sync.OnceFunc(func() { close(c) })
	b.gates = append(b.gates, open)
	return c, open
}

// Receive has a driver that pulls hand out up to n tasks, once there are any.
func (b *Bench) Receive(n int, visibility time.Duration) []queue.Lease {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), Patience)
	defer cancel()
	for {
		leases, err := b.Puller().Receive(ctx, n, visibility)
		if err != nil || ctx.Err() != nil || len(leases) > n {
			b.Fatalf("received %d of %d: %v", len(leases), n, err)
		}
		if len(leases) > 0 {
			return leases
		}
	}
}

// Bury has a driver that pulls give tasks up, without a worker.
func (b *Bench) Bury(ids ...string) {
	b.Helper()
	b.Enqueue(ids...)
	for left := len(ids); left > 0; {
		for _, lease := range b.Receive(min(left, 10), time.Minute) {
			left--
			if err := b.Puller().Settle(b.Context(), lease, queue.Verdict{Action: queue.Bury, Reason: "no use"}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// Dead are the dead letters, the latest first.
func (b *Bench) Dead() []queue.DeadTask {
	b.Helper()
	dead, err := b.Queue.Dead(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	return dead
}

// Stats is how the queue stands now.
func (b *Bench) Stats() queue.Stats {
	b.Helper()
	stats, err := b.Queue.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return stats
}

// EventuallyStats compares everything but an age that the product knows.
func (b *Bench) EventuallyStats(want queue.Stats) {
	b.Helper()
	b.Eventually(fmt.Sprintf("%+v", want), func() bool {
		got := b.Stats()
		if !b.Limits.HidesAge {
			got.OldestReady = want.OldestReady
		}
		return got == want
	})
}

// Eventually asks until the answer is true.
func (b *Bench) Eventually(what string, answer func() bool) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience); !answer(); <-tick.C {
		if time.Now().After(deadline) {
			b.giveUp("did not come: " + what)
		}
	}
}

// bencher is a Bench, or what embeds one.
type bencher interface {
	Helper()
	giveUp(why string)
}

// Next takes from a channel that a handler fills.
func Next[V any](b bencher, from <-chan V) V {
	b.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(Patience):
		b.giveUp("nothing came")
		panic("unreachable")
	}
}

// giveUp fails the test with how the queue stands, which may not be known either.
func (b *Bench) giveUp(why string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), Patience)
	defer cancel()
	stats, err := b.Queue.Stats(ctx)
	b.Fatalf("%s; stats %+v (%v)", why, stats, err)
}

// Logger is for all that the bench is to hear of; its workers have it.
func (b *Bench) Logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&b.log, nil)) }

// Logged are the lines with this message so far; all lines when it is empty.
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
	return l.buf // what is there does not change
}
