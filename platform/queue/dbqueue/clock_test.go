package dbqueue_test

import (
	"context"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
)

// A process whose clock is in the year 2000 shares a queue with one whose clock is right.
func TestNoTimeComesFromAProcess(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		options := database.Options{Path: filepath.Join(t.TempDir(), "test.db")}
		db, err := database.Open(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Migrate(t.Context(), dbqueue.Migrations()); err != nil {
			t.Fatal(err)
		}
		noTimeComesFromAProcess(t, db, options)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		db := databasetest.OpenPostgreSQL(t, dbqueue.Migrations())
		var row struct{ Name string }
		if err := db.Query(t.Context(), &row, "SELECT current_database() AS name"); err != nil {
			t.Fatal(err)
		}
		address, err := url.Parse(os.Getenv("TEST_POSTGRES_URL"))
		if err != nil {
			t.Fatal(err)
		}
		address.Path = "/" + row.Name
		noTimeComesFromAProcess(t, db, database.Options{URL: address.String()})
	})
}

func noTimeComesFromAProcess(t *testing.T, db *database.DB, options database.Options) {
	right := dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
	for _, id := range []string{"held", "retried", "dead"} {
		enqueue(t, right, id)
	}
	synctest.Test(t, func(t *testing.T) { // its clock begins in 2000
		db, err := database.Open(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		wrong := dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
		for id, task := range receive(t, wrong, 3, time.Hour) {
			verdict := queue.Verdict{Action: queue.Retry, Delay: time.Hour}
			switch id {
			case "held":
				err = wrong.Extend(t.Context(), task, 2*time.Hour)
			case "dead":
				verdict.Action = queue.Bury
				fallthrough
			case "retried":
				err = wrong.Settle(t.Context(), task, verdict)
			}
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		enqueue(t, wrong, "new")
		if time.Now().Year() > 2001 {
			t.Errorf("the clock says %v", time.Now())
		}
	})
	stats, err := right.Stats(t.Context())
	if err != nil || stats.OldestReady > time.Hour {
		t.Errorf("the oldest task is %v old (%v)", stats.OldestReady, err)
	}
	if stats.OldestReady = 0; stats != (queue.Stats{Ready: 1, InFlight: 1, Delayed: 1, Dead: 1}) {
		t.Errorf("the state is %+v", stats)
	}
	dead, err := right.Dead(t.Context(), 10)
	if err != nil || len(dead) != 1 || time.Since(dead[0].DiedAt).Abs() > time.Hour {
		t.Errorf("dead: %+v (%v)", dead, err)
	}
	if found := receive(t, right, 10, time.Hour); found["new"].ID != "new" || len(found) != 1 {
		t.Errorf("received %+v, want the new task", found)
	}
}

func enqueue(t *testing.T, d *dbqueue.Driver, id string) {
	t.Helper()
	if err := d.Enqueue(t.Context(), queue.Task{Kind: "probe", ID: id}); err != nil {
		t.Fatal(err)
	}
}

// receive fails the test if no task is due within a minute.
func receive(t *testing.T, d *dbqueue.Driver, n int, visibility time.Duration) map[string]queue.Received {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tasks, err := d.Receive(ctx, n, visibility)
	if err != nil || len(tasks) == 0 {
		t.Fatalf("received %d tasks (%v)", len(tasks), err)
	}
	byID := map[string]queue.Received{}
	for _, task := range tasks {
		byID[task.ID] = task
	}
	return byID
}

// setBack leaves the tasks as a clock does that is set back by two hours: their dates are so much further away.
func setBack(t *testing.T, db *database.DB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		changed, err := db.Exec(t.Context(), "UPDATE queue_tasks SET due_at = due_at + 7200000000 WHERE id = ?", id)
		if err != nil || changed != 1 {
			t.Fatalf("%d tasks changed (%v)", changed, err)
		}
	}
}

func TestATaskDoesNotWaitForAnOldTimeOfTheClock(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{dbqueue.Migrations()}, func(t *testing.T, db *database.DB) {
		const visibility = 300 * time.Millisecond
		vanished := dbqueue.New(db, dbqueue.Options{})
		enqueue(t, vanished, "delayed")
		task := receive(t, vanished, 1, visibility)["delayed"]
		err := vanished.Settle(t.Context(), task, queue.Verdict{Action: queue.Postpone, Delay: 3 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		enqueue(t, vanished, "running")
		receive(t, vanished, 1, visibility)
		enqueue(t, vanished, "waiting")
		setBack(t, db, "running", "waiting")

		found := map[string]queue.Received{}
		d := dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
		for len(found) < 2 {
			maps.Copy(found, receive(t, d, 1, time.Hour))
		}
		if found["waiting"].Attempt != 1 || found["running"].Attempt != 2 || found["running"].Lapses != 1 {
			t.Errorf("received %+v", found)
		}
		if stats, err := d.Stats(t.Context()); err != nil || stats.Delayed != 1 {
			t.Errorf("%d tasks are delayed (%v), want the one whose date is as it was", stats.Delayed, err)
		}
	})
}

// The worker of a running task is alive when the clock is set back, and goes on.
func TestAWorkerKeepsItsTaskWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{dbqueue.Migrations()}, func(t *testing.T, db *database.DB) {
		alive := dbqueue.New(db, dbqueue.Options{})
		enqueue(t, alive, "running")
		task := receive(t, alive, 1, time.Hour)["running"]
		setBack(t, db, "running")

		d := dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
		enqueue(t, alive, "other")
		if found := receive(t, d, 2, time.Hour); found["other"].ID != "other" || len(found) != 1 {
			t.Errorf("received %+v", found)
		}
		var row struct{ Left int64 }
		if err := db.Query(t.Context(), &row, "SELECT due_at - "+db.Clock()+
			" AS left FROM queue_tasks WHERE id = 'running'"); err != nil || row.Left > time.Hour.Microseconds() {
			t.Errorf("the task is visible again in %d µs (%v)", row.Left, err)
		}
		if err := alive.Extend(t.Context(), task, time.Hour); err != nil {
			t.Errorf("the worker has lost its task: %v", err)
		}
	})
}
