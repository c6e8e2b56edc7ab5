package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/queue/queuetest"
)

func TestEnqueueInsideATransactionIsRefused(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{dbqueue.Migrations()}, enqueueInsideATransactionIsRefused)
}

func enqueueInsideATransactionIsRefused(t *testing.T, db *database.DB) {
	driver := dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
	b := &queuetest.Bench{T: t, Driver: driver, Queue: queue.New(driver, queue.Options{})}
	seen := make(chan string, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		return nil
	})
	rollback := errors.New("rollback")
	for end, want := range map[string]error{"committed": nil, "rolled back": rollback} {
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			nested := func(ctx context.Context) error {
				return b.Queue.Enqueue(ctx, queue.Task{Kind: queuetest.Kind, ID: end})
			}
			for name, err := range map[string]error{"transaction": nested(ctx), "nested one": db.InTx(ctx, nested)} {
				if !errors.Is(err, queue.ErrInTransaction) {
					t.Errorf("%s, %s: %v, want ErrInTransaction", name, end, err)
				}
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Fatal(err)
		}
	}
	b.Enqueue("after")
	if id := queuetest.Next(b, seen); id != "after" {
		t.Errorf("task %q ran", id)
	}
	b.EventuallyStats(queue.Stats{})
}
