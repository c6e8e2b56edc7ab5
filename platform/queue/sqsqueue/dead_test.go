package sqsqueue_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

// runs starts a worker that reports and ends every task.
func (b *bench) runs() <-chan queue.Delivery {
	b.Helper()
	seen := make(chan queue.Delivery, 100)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d
		return nil
	})
	return seen
}

func TestMessageThatSQSMovedIsDeadToo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Enqueue("a")
	for range maxReceives {
		b.receiveRaw(b.options.QueueURL, 0)
	}
	seen := b.runs()
	b.EventuallyStats(queue.Stats{Dead: 1})
	for range 2 { // looking at it changes nothing
		dead := b.Dead()
		if len(dead) != 1 || dead[0].Kind != kind || dead[0].ID != "a" || dead[0].Attempts != maxReceives ||
			dead[0].Reason != "moved by the queue after 3 receives" {
			t.Errorf("dead: %+v", dead)
		}
	}
	if len(seen) > 0 {
		t.Error("it ran")
	}
	if found, err := b.Queue.Redrive(t.Context(), kind, "a"); err != nil || !found {
		t.Errorf("Redrive: %v (%v)", found, err)
	}
	if d := queuetest.Next(b, seen); d.ID != "a" || d.Attempt != 1 || !d.Redriven {
		t.Errorf("redriven as %+v", d)
	}
	b.EventuallyStats(queue.Stats{})
}

func TestDeadReadsAllPagesAndHidesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 25
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprint(i))
	}
	b.Bury(ids...)
	for limit, want := range map[int]int{0: n, 12: 12} {
		dead, err := b.Queue.Dead(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, d := range dead {
			seen[d.ID] = true
		}
		if len(dead) != want || len(seen) != want {
			t.Errorf("Dead(%d) has %d, %d of them different", limit, len(dead), len(seen))
		}
		visible := b.attribute(b.options.DeadURL, types.QueueAttributeNameApproximateNumberOfMessages)
		if visible != fmt.Sprint(n) {
			t.Errorf("%s are visible after it", visible)
		}
	}
}

func TestDeadListsTheLatestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"b", "c", "a"} {
		b.Bury(id)
	}
	dead := b.Dead()
	if len(dead) != 3 {
		t.Fatalf("dead: %+v", dead)
	}
	for i, want := range []string{"a", "c", "b"} {
		if dead[i].ID != want {
			t.Errorf("number %d is %s, want %s", i, dead[i].ID, want)
		}
	}
}

func TestOneOfManyRedrives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Bury("a", "b")
	var (
		group   sync.WaitGroup
		redrove atomic.Int32
	)
	for range 20 {
		group.Go(func() {
			found, err := b.Queue.Redrive(t.Context(), kind, "a")
			if err != nil {
				t.Error(err)
			}
			if found {
				redrove.Add(1)
			}
		})
	}
	group.Wait()
	if n := redrove.Load(); n != 1 {
		t.Errorf("%d calls redrove it", n)
	}
	b.EventuallyStats(queue.Stats{Ready: 1, Dead: 1})
}

// The console's redrive moves messages as they are, with all their attributes.
func TestConsoleRedriveStartsOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Bury("a")
	m := b.receiveRaw(b.options.DeadURL, time.Minute)
	b.sendRaw(b.options.QueueURL, *m.Body, m.MessageAttributes)
	_, err := b.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{
		QueueUrl: &b.options.DeadURL, ReceiptHandle: m.ReceiptHandle,
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := queuetest.Next(b, b.runs()); d.ID != "a" || d.Attempt != 1 || !d.Redriven {
		t.Errorf("redriven as %+v", d)
	}
	b.EventuallyStats(queue.Stats{})
}
