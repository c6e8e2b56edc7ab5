package asynqueue_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

// So far, three tasks have lost no worker, one and two; now each loses another one. A fourth task runs for as long and
// keeps its worker.
func TestVanishedWorkersUseUpTheAttempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Enqueue("a")
	for i, id := range []string{"b", "c"} {
		b.enqueueRaw(kind+":"+id, map[string]string{"Attempts": strconv.Itoa(i + 1)})
	}
	if attempts := vanish(&b.Bench, b.url, b.name, "a", "b", "c"); !slices.Equal(attempts, []string{"1", "2", "3"}) {
		t.Fatalf("attempts %s, want 1, 2 and 3", attempts)
	}
	vanished := time.Now()
	b.Enqueue("living")
	b.EventuallyStats(queue.Stats{Ready: 1, InFlight: 3})

	deliveries, buried := make(chan queue.Delivery, 10), make(chan string, 10)
	release, open := b.Gate()
	for range 2 { // each of them looks for the tasks of the other
		b.WorkOn(b.Driver, queue.Handlers{kind: {
			Run: func(_ context.Context, d queue.Delivery) error {
				deliveries <- d
				if d.ID == "living" {
					<-release
				}
				return nil
			},
			Dead: func(_ context.Context, d queue.Delivery, reason string) error {
				buried <- d.ID + ": " + reason
				return nil
			},
		}}, queue.WorkerOptions{})
	}
	if d := queuetest.Next(b, deliveries); d.ID != "living" || d.Attempt != 1 {
		t.Fatalf("another worker is given %+v", d)
	}
	b.EventuallyStats(queue.Stats{InFlight: 4}) // the visibility has not ended yet
	got := map[string]int{}
	for range 2 {
		d := queuetest.Next(b, deliveries)
		got[d.ID] = d.Attempt
	}
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 3}, got); diff != "" {
		t.Errorf("attempts after the visibility (-want +got)\n%s", diff)
	}
	if told := queuetest.Next(b, buried); told != "c: visibility lapsed" {
		t.Errorf("owner told %q", told)
	}
	if took := time.Since(vanished); took > promises.RecoversWithin {
		t.Errorf("came back after %s, want within %s", took, promises.RecoversWithin)
	}
	b.Eventually("the dead letter", func() bool { return b.Stats().Dead == 1 })
	dead := b.Dead()[0]
	if dead.ID != "c" || dead.Attempts != 4 || dead.Reason != "visibility lapsed" {
		t.Errorf("dead letter %+v", dead)
	}
	if len(deliveries) > 0 {
		t.Errorf("delivered too: %+v", <-deliveries)
	}
	open()
	b.EventuallyStats(queue.Stats{Dead: 1})

	// Asynq has not returned the originals yet.
	b.Enqueue("a", "c")
	clear(got)
	for range 2 {
		d := queuetest.Next(b, deliveries)
		got[d.ID] = d.Attempt
	}
	if diff := cmp.Diff(map[string]int{"a": 1, "c": 1}, got); diff != "" {
		t.Errorf("attempts of new tasks (-want +got)\n%s", diff)
	}
	b.EventuallyStats(queue.Stats{})
}

// By the time asynq returns a task, the worker that found it first has sent it again.
func TestOriginalOfACopyIsDropped(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]bool{"the copy runs": false, "the copy has ended": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			release, open := b.Gate()
			b.enqueueRaw(kind+":a", map[string]string{"Send": "first"}, asynq.Timeout(time.Hour))
			starts := make(chan queue.Delivery, 10)
			b.WorkWith(func(_ context.Context, d queue.Delivery) error {
				starts <- d
				if d.Attempt == 1 {
					// As if this worker had vanished, and another one had found its task.
					b.enqueueRaw("first#"+kind+":a", map[string]string{"Attempts": "1"}, asynq.Retention(time.Minute))
					return errors.New("lost") // counted, as asynq counts a lapse
				}
				if !ends {
					<-release
				}
				return nil
			}, queue.WorkerOptions{Concurrency: 2})
			for want := 1; want <= 2; want++ {
				if d := queuetest.Next(b, starts); d.ID != "a" || d.Attempt != want {
					t.Errorf("delivered %+v, want attempt %d", d, want)
				}
			}
			if !ends {
				b.EventuallyStats(queue.Stats{InFlight: 1})
				open()
			}
			b.EventuallyStats(queue.Stats{})
			if len(starts) > 0 {
				t.Errorf("delivered too: %+v", <-starts)
			}
		})
	}
}
