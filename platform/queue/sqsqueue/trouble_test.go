package sqsqueue_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/platform/queue"
)

func TestOutageIsToldOnceAndSoIsItsEnd(t *testing.T) {
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
			b.eventually("a poll", func() bool { return len(p.seen("ReceiveMessage")) > 0 })
			p.trouble(test.refused)
			begun := time.Now()
			before := len(p.seen("ReceiveMessage"))
			const asks = 7 // of which the SDK makes three per poll
			b.eventually("more polls", func() bool { return len(p.seen("ReceiveMessage")) >= before+asks })
			// Between three polls lie pauses of 100 and 200 ms, beside the SDK's own.
			if took := time.Since(begun); took < 300*time.Millisecond {
				t.Errorf("%d requests within %s", asks, took)
			}
			if errs := b.log.lines(t, "no tasks received"); len(errs) != 1 || errs[0] != test.want {
				t.Errorf("told %q, want %q", errs, test.want)
			}
			p.peace()
			b.enqueue("a")
			next(b, seen)
			b.eventually("the news of its end", func() bool { return len(b.log.lines(t, "tasks are received again")) == 1 })
		})
	}
}

func TestVerdictOutlastsACut(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	started := make(chan int, 10)
	release, open := gate(b)
	b.work(func(_ context.Context, d queue.Delivery) error {
		started <- d.Attempt
		<-release
		return nil
	})
	b.enqueue("a")
	next(b, started)
	p.trouble(&refusal{})
	open()
	b.eventually("a verdict on its way", func() bool { return len(p.seen("DeleteMessage")) > 2 })
	p.peace()
	b.eventuallyStats(queue.Stats{})
	if len(started) > 0 {
		t.Error("ran again")
	}
}

// Each verdict that is written again must not send again what has been sent.
func TestCopyIsSentOnce(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	b.enqueue("a")
	lease := b.receive(1)[0]
	p.trouble(&refusal{http.StatusInternalServerError, "InternalError", ""}, "DeleteMessage")
	settled := make(chan error, 1)
	go func() {
		settled <- b.driver.Settle(context.WithoutCancel(t.Context()), lease, queue.Verdict{Action: queue.Postpone})
	}()
	b.eventually("two rounds of the SDK's attempts", func() bool { return len(p.seen("DeleteMessage")) > 3 })
	p.peace()
	if err := next(b, settled); err != nil {
		t.Error(err)
	}
	if sent := len(p.seen("SendMessage")); sent != 2 {
		t.Errorf("sent %d times, want once and once again", sent)
	}
	b.eventuallyStats(queue.Stats{Ready: 1})
}

// SQS keeps its queues; this server comes back without, which is trouble of another sort.
func TestServerKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := setupOn(t, s.url(), s.url())
	seen := b.runs()
	b.enqueue("before")
	next(b, seen)
	b.eventuallyStats(queue.Stats{})
	s.kill()
	if !s.start() {
		t.Fatal("the port is taken")
	}
	b.eventually("news of the missing queue", func() bool {
		return slices.Contains(b.log.lines(t, "no tasks received"), "receive: there is no such queue")
	})
	name := b.options.QueueURL[strings.LastIndex(b.options.QueueURL, "/")+1:]
	if url := b.create(name, nil); url != b.options.QueueURL {
		t.Fatalf("the queue is now %s", url)
	}
	b.enqueue("after")
	if d := next(b, seen); d.ID != "after" {
		t.Errorf("%s ran", d.ID)
	}
	b.eventually("the news of its end", func() bool { return len(b.log.lines(t, "tasks are received again")) == 1 })
}
