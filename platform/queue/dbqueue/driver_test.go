package dbqueue_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/queue/queuetest"
)

var promises = queuetest.Promises{
	RecoversWithin: 30 * time.Second, // the visibility is 300 ms; the rest is for a slow machine
	Deduplicates:   true, TellsAge: true, CountsLapses: true, StopsReceiving: true,
}

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "8") // the tests wait more than they work
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, ...database.Migrations) *database.DB{
		"sqlite": databasetest.Open, "postgres": databasetest.OpenPostgreSQL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			queuetest.Run(t, func(t *testing.T) queue.Driver {
				return dbqueue.New(open(t, dbqueue.Migrations()), dbqueue.Options{Poll: 20 * time.Millisecond})
			}, promises)
		})
	}
}

// bench is one queue under test.
type bench struct {
	queuetest.Bench
	db *database.DB
}

// setup returns a queue whose idle worker does not look again by itself, so that only the bell can start it.
func setup(t *testing.T) *bench {
	t.Helper()
	db := databasetest.Open(t, dbqueue.Migrations())
	driver := dbqueue.New(db, dbqueue.Options{Poll: time.Hour})
	return &bench{db: db, Bench: queuetest.Bench{
		T: t, Driver: driver, Queue: queue.New(driver, queue.Options{}), Promises: promises,
	}}
}

func (b *bench) awaitIdle() {
	b.Helper()
	<-time.After(10 * time.Millisecond) // a worker without a task becomes idle meanwhile
	b.Eventually("the end of all tasks", func() bool {
		stats := b.Stats()
		return stats.Ready+stats.InFlight+stats.Delayed == 0
	})
}

func TestBellStartsAnIdleWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	seen := make(chan string, 10)
	b.WorkWith(func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		if d.ID == "mortal" {
			return errors.New("always")
		}
		return nil
	}, queue.WorkerOptions{MaxAttempts: 1})
	enqueue := func(id string) error {
		return b.Queue.Enqueue(t.Context(), queue.Task{Kind: "probe", ID: id})
	}
	redrive := func() error {
		found, err := b.Queue.Redrive(t.Context(), "probe", "mortal")
		if err == nil && !found {
			err = errors.New("not among the dead")
		}
		return err
	}
	// Several times, because now and then a worker is not idle yet and needs no bell.
	for range 5 {
		for what, step := range map[string]func() error{
			"plain":    func() error { return enqueue("plain") },
			"revived":  func() error { return enqueue("mortal") },
			"redriven": redrive,
		} {
			t.Log(what) // explains a failure of Next
			if what == "redriven" {
				if err := enqueue("mortal"); err != nil {
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

func TestOtherDriversTasksAreFoundByPolling(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dbqueue.Migrations())
	elsewhere := dbqueue.New(db, dbqueue.Options{})
	b := &queuetest.Bench{
		T: t, Driver: dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond}),
		Queue: queue.New(elsewhere, queue.Options{}), Promises: promises,
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

// With a visibility of zero, all receivers compete for all tasks all the time.
func TestEachAttemptIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{dbqueue.Migrations()}, eachAttemptIsDeliveredOnce)
}

func eachAttemptIsDeliveredOnce(t *testing.T, db *database.DB) {
	driver := dbqueue.New(db, dbqueue.Options{Poll: time.Millisecond})
	q := queue.New(driver, queue.Options{})
	for i := range 5 {
		if err := q.Enqueue(t.Context(), queue.Task{Kind: "probe", ID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	const receivers, rounds, most = 6, 15, 3
	var (
		group     sync.WaitGroup
		mu        sync.Mutex
		delivered = map[string]bool{}
	)
	for range receivers {
		group.Go(func() {
			for range rounds {
				deliveries, err := driver.Receive(t.Context(), most, 0)
				if err != nil || len(deliveries) == 0 || len(deliveries) > most {
					t.Errorf("received %d tasks (%v), want 1 to %d", len(deliveries), err, most)
					return
				}
				mu.Lock()
				for _, d := range deliveries {
					attempt := fmt.Sprintf("task %s, attempt %d", d.ID, d.Attempt)
					if delivered[attempt] {
						t.Errorf("%s delivered twice", attempt)
					}
					if delivered[attempt] = true; d.Lapses != d.Attempt-1 {
						t.Errorf("%s after %d lapses", attempt, d.Lapses)
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
	driver := dbqueue.New(databasetest.Open(t), dbqueue.Options{})
	worker := queue.NewWorker(driver, queue.Handlers{}, queue.WorkerOptions{})
	if err := worker.Start(t.Context()); err == nil {
		t.Error("Start succeeded")
	}
	if err := worker.Stop(t.Context()); err != nil {
		t.Errorf("Stop after a failed Start: %v", err)
	}
}
