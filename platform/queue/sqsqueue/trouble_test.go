package sqsqueue_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

func TestOutageAndItsEndAreLoggedOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refused *refusal
		want    string
	}{
		"network cut": {&refusal{}, "receive: no answer from SQS: EOF"},
		"throttled":   {throttled, "receive: SQS refuses: RequestThrottled: Request is throttled."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p := setupOnProxy(t)
			seen := b.runs()
			b.Eventually("a poll", func() bool { return len(p.seen("ReceiveMessage")) > 0 })
			p.trouble(test.refused)
			begun := time.Now()
			before := len(p.seen("ReceiveMessage"))
			const requests = 7 // the SDK makes three per poll
			b.Eventually("more polls", func() bool { return len(p.seen("ReceiveMessage")) >= before+requests })
			// Between three polls there are pauses of 100 and 200 ms, beside the SDK's own.
			if took := time.Since(begun); took < 300*time.Millisecond {
				t.Errorf("%d requests within %s", requests, took)
			}
			if errs := b.logged("no tasks received"); len(errs) != 1 || errs[0] != test.want {
				t.Errorf("logged %q, want %q", errs, test.want)
			}
			p.peace()
			b.Enqueue("a")
			queuetest.Next(b, seen)
			b.Eventually("its end in the log", func() bool { return len(b.logged("tasks are received again")) == 1 })
		})
	}
}

func TestVerdictOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	started := make(chan int, 10)
	release, open := b.Gate()
	b.Work(func(_ context.Context, d queue.Delivery) error {
		started <- d.Attempt
		<-release
		return nil
	})
	b.Enqueue("a")
	queuetest.Next(b, started)
	p.trouble(&refusal{})
	open()
	b.Eventually("a verdict on its way", func() bool { return len(p.seen("DeleteMessage")) > 2 })
	p.peace()
	b.EventuallyStats(queue.Stats{})
	if len(started) > 0 {
		t.Error("ran again")
	}
}

// Writing a verdict again must not send its copy again.
func TestCopyIsSentOnce(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	b.Enqueue("a")
	received := b.Receive(1, time.Minute)[0]
	p.trouble(&refusal{http.StatusInternalServerError, "InternalError", ""}, "DeleteMessage")
	settled := make(chan error, 1)
	go func() {
		postpone := queue.Verdict{Action: queue.Postpone}
		settled <- b.Puller().Settle(context.WithoutCancel(t.Context()), received, postpone)
	}()
	b.Eventually("two rounds of the SDK's attempts", func() bool { return len(p.seen("DeleteMessage")) > 3 })
	p.peace()
	if err := queuetest.Next(b, settled); err != nil {
		t.Error(err)
	}
	if sent := len(p.seen("SendMessage")); sent != 2 {
		t.Errorf("sent %d times, want the task and one copy", sent)
	}
	b.EventuallyStats(queue.Stats{Ready: 1})
}

// SQS itself keeps its queues; the test's server comes back without them.
func TestServerKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := setupOn(t, s.url(), s.url())
	seen := b.runs()
	b.Enqueue("before")
	queuetest.Next(b, seen)
	b.EventuallyStats(queue.Stats{})
	s.kill()
	if !s.start() {
		t.Fatal("the port is taken")
	}
	b.Eventually("the missing queue in the log", func() bool {
		return slices.Contains(b.logged("no tasks received"), "receive: there is no such queue")
	})
	name := b.options.QueueURL[strings.LastIndex(b.options.QueueURL, "/")+1:]
	if url := b.create(name, nil); url != b.options.QueueURL {
		t.Fatalf("the queue is now %s", url)
	}
	b.Enqueue("after")
	if d := queuetest.Next(b, seen); d.ID != "after" {
		t.Errorf("%s ran", d.ID)
	}
	b.Eventually("its end in the log", func() bool { return len(b.logged("tasks are received again")) == 1 })
}
