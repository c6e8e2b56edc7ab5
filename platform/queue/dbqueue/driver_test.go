package dbqueue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/queue/queuetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, ...database.Migrations) *database.DB{
		"sqlite": databasetest.Open, "postgres": databasetest.OpenPostgreSQL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			queuetest.Run(t, func(t *testing.T) queue.Driver {
				return dbqueue.New(open(t, dbqueue.Migrations()), dbqueue.Options{Poll: 20 * time.Millisecond})
			}, queuetest.Limits{})
		})
	}
}

// bench is one queue under test.
type bench struct {
	queuetest.Bench
	db *database.DB
}

// setup is a queue whose idle worker would not look again by itself, so that only the bell can
// start it.
func setup(t *testing.T) *bench {
	t.Helper()
	db := databasetest.Open(t, dbqueue.Migrations())
	driver := dbqueue.New(db, dbqueue.Options{Poll: time.Hour})
	return &bench{db: db, Bench: queuetest.Bench{T: t, Driver: driver, Queue: queue.New(driver, queue.Options{})}}
}

func (b *bench) awaitIdle() {
	b.Helper()
	<-time.After(10 * time.Millisecond) // in which a worker that has nothing left to do comes to rest
	b.Eventually("the end of all tasks", func() bool {
		stats := b.Stats()
		return stats.Ready+stats.InFlight+stats.Delayed == 0
	})
}

func TestBellStartsAnIdleWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	seen := make(chan string, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		if d.ID == "mortal" {
			return queue.Dead(errors.New("always"))
		}
		return nil
	})
	enqueue := func(ctx context.Context, id string) error {
		return b.Queue.Enqueue(ctx, queue.Task{Kind: "probe", ID: id})
	}
	redrive := func() error {
		found, err := b.Queue.Redrive(t.Context(), "probe", "mortal")
		if err == nil && !found {
			err = errors.New("not among the dead")
		}
		return err
	}
	// Many times, as now and then a worker is not idle yet and needs no bell.
	for range 5 {
		for what, step := range map[string]func() error{
			"plain": func() error { return enqueue(t.Context(), "plain") },
			"in a transaction": func() error {
				return b.db.InTx(t.Context(), func(ctx context.Context) error { return enqueue(ctx, "in a transaction") })
			},
			"revived":  func() error { return enqueue(t.Context(), "mortal") },
			"redriven": redrive,
		} {
			t.Log(what) // for whoever reads that nothing came
			if what == "redriven" {
				if err := enqueue(t.Context(), "mortal"); err != nil {
					t.Fatal(err)
				}
				queuetest.Next(b, seen)
				b.awaitIdle()
			}
			if err := step(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			queuetest.Next(b, seen)
			b.awaitIdle()
		}
	}
}

func TestRolledBackTaskNeverRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	seen := make(chan string, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		return nil
	})
	rollback := errors.New("rollback")
	err := b.db.InTx(t.Context(), func(ctx context.Context) error {
		if err := b.Queue.Enqueue(ctx, queue.Task{Kind: "probe", ID: "rolled back"}); err != nil {
			return err
		}
		return rollback
	})
	if !errors.Is(err, rollback) {
		t.Fatal(err)
	}
	b.Enqueue("after")
	if id := queuetest.Next(b, seen); id != "after" {
		t.Errorf("task %q ran", id)
	}
}

func TestOtherDriversTasksAreFoundByPolling(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dbqueue.Migrations())
	elsewhere := dbqueue.New(db, dbqueue.Options{})
	b := &queuetest.Bench{
		T: t, Driver: dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond}), Queue: queue.New(elsewhere, queue.Options{}),
	}
	seen := make(chan string, 1)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		return nil
	})
	b.Enqueue("a")
	queuetest.Next(b, seen)
}

func TestDeadListsTheLatestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"b", "c", "a"} {
		b.Bury(id)
	}
	dead, err := b.Queue.Dead(t.Context(), 2)
	if err != nil || len(dead) != 2 || dead[0].ID != "a" || dead[1].ID != "c" {
		t.Errorf("Dead(2) = %+v (%v), want a and c", dead, err)
	}
}

// Leases that lapse at once make every receiver want every task all the time.
func TestEachAttemptIsLeasedOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{dbqueue.Migrations()}, eachAttemptIsLeasedOnce)
}

func eachAttemptIsLeasedOnce(t *testing.T, db *database.DB) {
	driver := dbqueue.New(db, dbqueue.Options{Poll: time.Millisecond})
	q := queue.New(driver, queue.Options{})
	for i := range 5 {
		if err := q.Enqueue(t.Context(), queue.Task{Kind: "probe", ID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	const receivers, rounds, most = 6, 15, 3
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		leased = map[string]bool{}
	)
	for range receivers {
		group.Go(func() {
			for range rounds {
				leases, err := driver.Receive(t.Context(), most, 0)
				if err != nil || len(leases) == 0 || len(leases) > most {
					t.Errorf("received %d leases (%v), want 1 to %d", len(leases), err, most)
					return
				}
				mu.Lock()
				for _, lease := range leases {
					attempt := fmt.Sprintf("task %s, attempt %d", lease.ID, lease.Attempt)
					if leased[attempt] {
						t.Errorf("%s leased twice", attempt)
					}
					if leased[attempt] = true; lease.Lapses != lease.Attempt-1 {
						t.Errorf("%s after %d lapses", attempt, lease.Lapses)
					}
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
}

func TestStartFailsWithoutTheTable(t *testing.T) {
	t.Parallel()
	worker := queue.NewWorker(dbqueue.New(databasetest.Open(t), dbqueue.Options{}), queue.Handlers{}, queue.WorkerOptions{})
	if err := worker.Start(t.Context()); err == nil {
		t.Error("Start succeeded")
	}
	if err := worker.Stop(t.Context()); err != nil {
		t.Errorf("Stop after a failed Start: %v", err)
	}
}
