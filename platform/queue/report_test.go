package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"risingstars/platform/queue"
)

func TestMetricsCountEveryOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started := make(chan struct{}, 1)
	worker := b.start(t, queue.Handlers{"probe": {Run: func(ctx context.Context, d queue.Delivery) error {
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
	for _, id := range []string{"done", "discarded", "postponed", "dead"} {
		b.enqueue(t, "probe", id)
	}
	b.enqueue(t, "nobody knows me", "x")
	b.eventually(t, queue.Stats{Delayed: 1, Dead: 2})
	b.enqueue(t, "probe", "given back")
	next(t, started)
	if running := b.samples(t)["queue_tasks_running"]; running != 1 {
		t.Errorf("%v handlers counted while one runs", running)
	}
	stop(t, worker)

	got := b.samples(t)
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
			t.Errorf("%s = %v (there: %v), want %v", name, value, ok, want)
		}
	}
	if age := got["queue_oldest_ready_seconds"]; age <= 0 || age > patience.Seconds() {
		t.Errorf("oldest ready task has waited %v s", age)
	}
}

func TestScrapeSurvivesABrokenQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t, queue.Handlers{})
	if _, err := b.db.Exec(t.Context(), "ALTER TABLE queue_tasks RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	got := b.samples(t)
	if _, there := got["queue_depth ready"]; there {
		t.Error("a depth was reported")
	}
	if _, there := got["queue_tasks_running"]; !there {
		t.Error("the other metrics are gone too")
	}
	if len(b.log.lines(t, "queue depth not measured")) != 1 {
		t.Error("the failure was not logged")
	}
}

func TestOneLogLinePerDelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t, queue.Handlers{"probe": {Run: func(_ context.Context, d queue.Delivery) error {
		if d.Attempt == 1 {
			panic("boom")
		}
		return nil
	}}})
	b.enqueue(t, "probe", "a")
	b.eventually(t, queue.Stats{})
	lines := b.log.lines(t, "task handled")
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
