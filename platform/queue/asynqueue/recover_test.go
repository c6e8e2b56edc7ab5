package asynqueue_test

import (
	"context"
	"testing"
	"time"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

// asynq itself would look once a minute, and 30 s after the lease.
func TestAVanishedWorkersTaskComesBackSoon(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Enqueue("a", "b")
	b.vanish()
	b.score("lease", "a", time.Now().Add(time.Hour)) // for as long as the test needs it
	b.EventuallyStats(queue.Stats{Ready: 1, InFlight: 1})
	deliveries := make(chan queue.Delivery, 10)
	release, open := b.Gate()
	b.Work(func(_ context.Context, d queue.Delivery) error {
		deliveries <- d
		<-release
		return nil
	})
	if d := queuetest.Next(b, deliveries); d.ID != "b" || d.Attempt != 1 {
		t.Fatalf("the other worker is given %+v", d)
	}
	open()
	b.EventuallyStats(queue.Stats{InFlight: 1}) // the lease has not lapsed yet
	b.score("lease", "a", time.Now().Add(-10*time.Second))
	if d := queuetest.Next(b, deliveries); d.ID != "a" || d.Attempt != 2 {
		t.Fatalf("after the lease: %+v", d)
	}
	b.EventuallyStats(queue.Stats{})
}
