package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

func TestOwnerIsToldOfDeathOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type death struct {
		delivery queue.Delivery
		reason   string
		err      error
	}
	told := make(chan death, 10)
	b.start(queue.Handlers{"probe": {
		Run: func(context.Context, queue.Delivery) error { return errors.New("too slow") },
		Dead: func(ctx context.Context, d queue.Delivery, reason string) error {
			told <- death{d, reason, ctx.Err()}
			panic("the owner is in trouble too")
		},
	}})
	b.Enqueue("a")
	got := queuetest.Next(b, told)
	if got.delivery.ID != "a" || got.delivery.Attempt != 3 || got.reason != "too slow" || got.err != nil {
		t.Errorf("told %+v", got)
	}
	b.EventuallyStats(queue.Stats{Dead: 1})
	if len(told) > 0 {
		t.Error("told twice")
	}
	if len(b.Logged("owner of dead task not told")) != 1 {
		t.Error("the owner's panic was not logged")
	}
}

func TestStopReportsAStubbornHandler(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started, release := make(chan struct{}), make(chan struct{})
	worker := b.start(queue.Handlers{"probe": {Run: func(context.Context, queue.Delivery) error {
		close(started)
		<-release
		return nil
	}}})
	b.Enqueue("a")
	queuetest.Next(b, started)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := worker.Stop(ctx); err == nil || !strings.Contains(err.Error(), "1 handlers still run") {
		t.Errorf("Stop returned %v", err)
	}
	close(release)
	b.Stop(worker)
	b.EventuallyStats(queue.Stats{}) // it finished after all, and its verdict counts
}

func TestHandlerWithoutRunIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	worker := queue.NewWorker(b.driver, queue.Handlers{"probe": {}}, queue.WorkerOptions{})
	if err := worker.Start(t.Context()); err == nil {
		t.Error("Start succeeded")
	}
	b.Stop(worker)
}

func TestWorkerOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := make(chan struct{})
	b.start(queue.Handlers{"probe": {Run: func(context.Context, queue.Delivery) error {
		close(done)
		return nil
	}}})
	if _, err := b.db.Exec(t.Context(), "ALTER TABLE queue_tasks RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	b.Eventually("the outage in the log", func() bool { return len(b.Logged("no tasks received")) > 0 })
	if _, err := b.db.Exec(t.Context(), "ALTER TABLE gone RENAME TO queue_tasks"); err != nil {
		t.Fatal(err)
	}
	b.Enqueue("a")
	queuetest.Next(b, done)
	begun, ended := len(b.Logged("no tasks received")), len(b.Logged("tasks are received again"))
	if begun != 1 || ended != 1 {
		t.Errorf("the outage was logged %d times and its end %d times", begun, ended)
	}
}
