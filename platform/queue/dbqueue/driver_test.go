package dbqueue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/queue/queuetest"
)

const patience = time.Minute

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

// setup is a queue whose idle worker would not look again by itself, so that only the bell can
// start it.
func setup(t *testing.T) (*database.DB, *dbqueue.Driver, *queue.Queue) {
	t.Helper()
	db := databasetest.Open(t, dbqueue.Migrations())
	driver := dbqueue.New(db, dbqueue.Options{Poll: time.Hour})
	return db, driver, queue.New(driver, queue.Options{})
}

func work(t *testing.T, driver queue.Driver, run func(ctx context.Context, d queue.Delivery) error) {
	t.Helper()
	worker := queue.NewWorker(driver, queue.Handlers{"probe": {Run: run}}, queue.WorkerOptions{
		Grace: -1, Logger: slog.New(slog.DiscardHandler),
	})
	if err := worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := worker.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func bury(t *testing.T, driver *dbqueue.Driver, q *queue.Queue, id string) {
	t.Helper()
	if err := q.Enqueue(t.Context(), queue.Task{Kind: "probe", ID: id}); err != nil {
		t.Fatal(err)
	}
	leases, err := driver.Receive(t.Context(), 1, time.Minute)
	if err != nil || len(leases) != 1 {
		t.Fatalf("received %d (%v)", len(leases), err)
	}
	if err := driver.Settle(t.Context(), leases[0], queue.Verdict{Action: queue.Bury}); err != nil {
		t.Fatal(err)
	}
}

func awaitIdle(t *testing.T, q *queue.Queue) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; {
		<-tick.C
		stats, err := q.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if stats.Ready+stats.InFlight+stats.Delayed == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still busy: %+v", stats)
		}
	}
}

func await(t *testing.T, what string, c <-chan string) string {
	t.Helper()
	select {
	case id := <-c:
		return id
	case <-time.After(patience):
		t.Fatalf("did not come: %s", what)
		return ""
	}
}

func TestBellStartsAnIdleWorker(t *testing.T) {
	t.Parallel()
	db, driver, q := setup(t)
	seen := make(chan string, 10)
	work(t, driver, func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		if d.ID == "mortal" {
			return queue.Dead(errors.New("always"))
		}
		return nil
	})
	enqueue := func(ctx context.Context, id string) error {
		return q.Enqueue(ctx, queue.Task{Kind: "probe", ID: id})
	}
	redrive := func() error {
		found, err := q.Redrive(t.Context(), "probe", "mortal")
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
				return db.InTx(t.Context(), func(ctx context.Context) error { return enqueue(ctx, "in a transaction") })
			},
			"revived":  func() error { return enqueue(t.Context(), "mortal") },
			"redriven": redrive,
		} {
			if what == "redriven" {
				if err := enqueue(t.Context(), "mortal"); err != nil {
					t.Fatal(err)
				}
				await(t, "the death", seen)
				awaitIdle(t, q)
			}
			if err := step(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			await(t, what, seen)
			awaitIdle(t, q)
		}
	}
}

func TestRolledBackTaskNeverRuns(t *testing.T) {
	t.Parallel()
	db, driver, q := setup(t)
	seen := make(chan string, 10)
	work(t, driver, func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		return nil
	})
	rollback := errors.New("rollback")
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if err := q.Enqueue(ctx, queue.Task{Kind: "probe", ID: "rolled back"}); err != nil {
			return err
		}
		return rollback
	})
	if !errors.Is(err, rollback) {
		t.Fatal(err)
	}
	if err := q.Enqueue(t.Context(), queue.Task{Kind: "probe", ID: "after"}); err != nil {
		t.Fatal(err)
	}
	if id := await(t, "the task after", seen); id != "after" {
		t.Errorf("task %q ran", id)
	}
}

func TestOtherDriversTasksAreFoundByPolling(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, dbqueue.Migrations())
	seen := make(chan string, 1)
	work(t, dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond}), func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		return nil
	})
	elsewhere := queue.New(dbqueue.New(db, dbqueue.Options{}), queue.Options{})
	if err := elsewhere.Enqueue(t.Context(), queue.Task{Kind: "probe", ID: "a"}); err != nil {
		t.Fatal(err)
	}
	await(t, "a task from elsewhere", seen)
}

func TestDeadListsTheLatestFirst(t *testing.T) {
	t.Parallel()
	_, driver, q := setup(t)
	for _, id := range []string{"b", "c", "a"} {
		bury(t, driver, q, id)
	}
	dead, err := q.Dead(t.Context(), 2)
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
