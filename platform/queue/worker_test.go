package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

func TestTimeoutIsAnError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(queue.Handlers{"probe": {
		Timeout: time.Millisecond,
		Run: func(ctx context.Context, _ queue.Delivery) error {
			<-ctx.Done()
			return context.Cause(ctx)
		},
	}})
	b.Enqueue("a")
	b.EventuallyStats(queue.Stats{Dead: 1})
	dead, err := b.Queue.Dead(t.Context(), 1)
	if err != nil || dead[0].Reason != context.DeadlineExceeded.Error() || dead[0].Attempts != 3 {
		t.Errorf("dead letter %+v (%v)", dead, err)
	}
}

func TestOwnerHearsOfDeathOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type news struct {
		delivery queue.Delivery
		reason   string
		err      error
	}
	heard := make(chan news, 10)
	b.start(queue.Handlers{"probe": {
		Timeout: time.Millisecond,
		Run: func(ctx context.Context, _ queue.Delivery) error {
			<-ctx.Done()
			return errors.New("too slow")
		},
		Dead: func(ctx context.Context, d queue.Delivery, reason string) error {
			heard <- news{d, reason, ctx.Err()}
			panic("the owner is in trouble too")
		},
	}})
	b.Enqueue("a")
	got := queuetest.Next(b, heard)
	if got.delivery.ID != "a" || got.delivery.Attempt != 3 || got.reason != "too slow" || got.err != nil {
		t.Errorf("heard %+v", got)
	}
	b.EventuallyStats(queue.Stats{Dead: 1})
	if len(heard) > 0 {
		t.Error("heard twice")
	}
	if len(b.Logged("owner of dead task not told")) != 1 {
		t.Error("the owner's trouble was not logged")
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
	if begun, ended := len(b.Logged("no tasks received")), len(b.Logged("tasks are received again")); begun != 1 || ended != 1 {
		t.Errorf("the outage was logged %d times and its end %d times", begun, ended)
	}
}
