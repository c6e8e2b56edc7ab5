package sqsqueue_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

func TestPostponeKeepsTheAttempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	attempts := make(chan int, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		switch len(attempts) {
		case 1, 3:
			return errors.New("not yet")
		case 2, 4:
			return queue.Later(0)
		}
		return nil
	})
	b.Enqueue("a")
	b.Eventually("five runs", func() bool { return len(attempts) == 5 })
	b.EventuallyStats(queue.Stats{})
	for _, want := range []int{1, 2, 2, 3, 3} {
		if got := <-attempts; got != want {
			t.Errorf("attempt %d, want %d", got, want)
		}
	}
}

// A poll receives only what a free worker can run at once, and makes it invisible only until the real visibility is
// set.
func TestPollAsksForFreeSlotsAndAShortTime(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	started := make(chan struct{}, 10)
	release, open := b.Gate()
	b.WorkWith(func(context.Context, queue.Delivery) error {
		started <- struct{}{}
		<-release
		return nil
	}, queue.WorkerOptions{Concurrency: 12})
	polls := func() int { return len(p.seen("ReceiveMessage")) }
	b.Eventually("a poll", func() bool { return polls() > 0 })
	if poll := p.seen("ReceiveMessage")[0].body; poll.MaxNumberOfMessages != 10 || poll.VisibilityTimeout != 10 {
		t.Errorf("with 12 free slots: %+v", poll)
	}
	ids := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}
	b.Enqueue(ids...)
	for range ids {
		queuetest.Next(b, started)
	}
	before := polls()
	b.Eventually("another poll", func() bool { return polls() > before })
	if poll := p.seen("ReceiveMessage")[before].body; poll.MaxNumberOfMessages != 3 {
		t.Errorf("with 3 free slots: %+v", poll)
	}
	open()
	b.EventuallyStats(queue.Stats{})
}

// SQS would move the task after its third receive, and the owner would not be told.
func TestPolicyDoesNotDecideAboutAttempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const maxAttempts = maxReceives + 1
	attempts, told := make(chan int, 10), make(chan string, 10)
	b.WorkOn(b.Driver, queue.Handlers{kind: {
		Run: func(_ context.Context, d queue.Delivery) error {
			attempts <- d.Attempt
			return errors.New("never")
		},
		Dead: func(_ context.Context, _ queue.Delivery, reason string) error {
			told <- reason
			return nil
		},
	}}, queue.WorkerOptions{MaxAttempts: maxAttempts})
	b.Enqueue("a")
	for want := 1; want <= maxAttempts; want++ {
		if got := queuetest.Next(b, attempts); got != want {
			t.Errorf("attempt %d, want %d", got, want)
		}
	}
	if reason := queuetest.Next(b, told); reason != "never" {
		t.Errorf("told %q", reason)
	}
	b.EventuallyStats(queue.Stats{Dead: 1})
	if dead := b.Dead(); len(dead) != 1 || dead[0].Attempts != maxAttempts || dead[0].Reason != "never" {
		t.Errorf("dead: %+v", dead)
	}
}

// The error is the one that SQS returns after 12 h.
func TestVisibilityThatSQSEndsIsLost(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	b.Enqueue("a")
	received := b.Receive(1, time.Minute)[0]
	p.trouble(&refusal{
		http.StatusBadRequest, "InvalidParameterValue", "Value 120 for parameter VisibilityTimeout is invalid. " +
			"Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
	})
	if err := b.Puller().Extend(t.Context(), received, time.Minute); !errors.Is(err, queue.ErrLost) {
		t.Errorf("Extend: %v, want ErrLost", err)
	}
}

// SQS accepts a receipt whose visibility has ended, and does not report whether that had an effect.
func TestLapsedDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Enqueue("a")
	received := b.Receive(1, time.Minute)[0]
	if err := b.Puller().Extend(t.Context(), received, time.Second); err != nil {
		t.Fatal(err)
	}
	first := b.Puller()
	b.Driver = b.open(b.options) // of another process
	b.Receive(1, time.Minute)    // a second later
	for _, action := range []queue.Action{queue.Done, queue.Retry, queue.Postpone, queue.Bury} {
		if err := first.Settle(t.Context(), received, queue.Verdict{Action: action}); !errors.Is(err, queue.ErrLost) {
			t.Errorf("settling with %d: %v, want ErrLost", action, err)
		}
	}
	b.EventuallyStats(queue.Stats{InFlight: 1})
}

// A message whose visibility could not be set after it was received comes back.
func TestFailedHandoverIsNoDelivery(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	p.trouble(&refusal{http.StatusInternalServerError, "InternalError", ""}, "ChangeMessageVisibilityBatch")
	attempts := make(chan int, 10)
	b.WorkWith(func(_ context.Context, d queue.Delivery) error {
		attempts <- d.Attempt
		return nil
	}, queue.WorkerOptions{Visibility: time.Second})
	b.Enqueue("a")
	b.Eventually("the trouble", func() bool { return len(b.logged("no tasks received")) > 0 })
	if len(attempts) > 0 {
		t.Error("ran although its visibility was not set")
	}
	p.peace()
	if attempt := queuetest.Next(b, attempts); attempt < 2 {
		t.Errorf("attempt %d", attempt)
	}
	b.EventuallyStats(queue.Stats{})
}

func TestVisibilityIsExtendedFromNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Enqueue("a")
	received := b.Receive(1, time.Minute)[0]
	if err := b.Puller().Extend(t.Context(), received, time.Second); err != nil {
		t.Fatal(err)
	}
	again := b.Receive(1, time.Minute)[0] // a second later, although it was received for a minute
	if again.Attempt != 2 {
		t.Errorf("attempt %d", again.Attempt)
	}
	if err := b.Puller().Extend(t.Context(), received, time.Minute); !errors.Is(err, queue.ErrLost) {
		t.Errorf("the first delivery: %v", err)
	}
}
