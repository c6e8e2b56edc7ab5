package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

func TestMetricsCountEveryOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started := make(chan struct{}, 1)
	worker := b.start(queue.Handlers{"probe": {Run: func(ctx context.Context, d queue.Delivery) error {
		switch d.ID {
		case "discarded":
			return queue.Discard(errors.New("pointless"))
		case "postponed":
			return queue.Later(time.Hour)
		case "dead":
			return errors.New("always")
		case "given back":
			started <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}})
	b.Enqueue("done", "discarded", "postponed", "dead")
	if err := b.Queue.Enqueue(t.Context(), queue.Task{Kind: "nobody knows me", ID: "x"}); err != nil {
		t.Fatal(err)
	}
	b.EventuallyStats(queue.Stats{Delayed: 1, Dead: 2})
	b.Enqueue("given back")
	queuetest.Next(b, started)
	if running := b.samples()["queue_tasks_running"]; running != 1 {
		t.Errorf("%v handlers counted while one runs", running)
	}
	b.Stop(worker)

	got := b.samples()
	for name, want := range map[string]float64{
		"queue_tasks_total probe done":        1,
		"queue_tasks_total probe discarded":   1,
		"queue_tasks_total probe postponed":   1,
		"queue_tasks_total probe retried":     2,
		"queue_tasks_total probe dead":        1,
		"queue_tasks_total probe given_back":  1,
		"queue_tasks_total unknown dead":      1,
		"queue_task_duration_seconds probe":   7,
		"queue_task_duration_seconds unknown": 1,
		"queue_tasks_running":                 0,
		"queue_depth ready":                   1,
		"queue_depth in_flight":               0,
		"queue_depth delayed":                 1,
		"queue_depth dead":                    2,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s = %v (present: %v), want %v", name, value, ok, want)
		}
	}
	const oldest = "queue_oldest_ready_seconds"
	age := got[oldest]
	for deadline := time.Now().Add(patience); age <= 0 && time.Now().Before(deadline); age = b.samples()[oldest] {
		time.Sleep(time.Millisecond) // in which SQLite's clock does not move
	}
	if age <= 0 || age > patience.Seconds() {
		t.Errorf("oldest ready task has waited %v s", age)
	}
}

func TestScrapeSurvivesABrokenQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(queue.Handlers{})
	if _, err := b.db.Exec(t.Context(), "ALTER TABLE queue_tasks RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	got := b.samples()
	if _, ok := got["queue_depth ready"]; ok {
		t.Error("a depth was reported")
	}
	if _, ok := got["queue_tasks_running"]; !ok {
		t.Error("the other metrics are missing too")
	}
	if len(b.Logged("queue depth not measured")) != 1 {
		t.Error("the failure was not logged")
	}
}

func TestOneLogLinePerDelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(queue.Handlers{"probe": {Run: func(_ context.Context, d queue.Delivery) error {
		if d.Attempt == 1 {
			panic("boom")
		}
		return nil
	}}})
	b.Enqueue("a")
	b.EventuallyStats(queue.Stats{})
	lines := b.Logged("task handled")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2: %v", len(lines), lines)
	}
	for i, want := range []map[string]any{
		{"level": "WARN", "outcome": "retried", "attempt": 1.0, "error": "panic: boom"},
		{"level": "INFO", "outcome": "done", "attempt": 2.0, "error": nil},
	} {
		want["kind"], want["id"] = "probe", "a"
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("line %d: %s is %v, want %v", i, key, lines[i][key], value)
			}
		}
	}
	if stack, _ := lines[0]["stack"].(string); !strings.Contains(stack, "report_test.go") {
		t.Errorf("the panic's stack does not lead here: %q", stack)
	}
}
