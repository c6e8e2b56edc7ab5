package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"risingstars/config"
	"risingstars/platform/database"
	"risingstars/platform/queue"
	"risingstars/platform/telemetry"
)

// An operator reads, on one line each, what has been given up, after how many attempts, and why: what was tried, and
// the last words of the tool.
func TestDeadLettersSayWhatWentWrong(t *testing.T) {
	t.Setenv("DATA_DIR", "data")
	t.Setenv("ENV_FILE", "")
	t.Chdir(t.TempDir())
	prepare(t, false)
	c, _, err := config.Load(config.DotenvFile(), nil)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	a := &app{c: c, log: log, registry: telemetry.NewRegistry(), access: database.Change}
	if err := errors.Join(a.openDatabase(t.Context()), a.openQueue(t.Context())); err != nil {
		t.Fatal(err)
	}
	run := func(context.Context, queue.Delivery) error {
		return errors.Join(errors.New("process video v1: ffmpeg join: exit status 1: out.mp4: Invalid argument"),
			errors.New("release the claim: no answer"))
	}
	worker := queue.NewWorker(a.driver, queue.Handlers{"media.process": {Run: run}},
		queue.WorkerOptions{MaxAttempts: 1, Logger: log})
	if err := errors.Join(worker.Start(t.Context()),
		a.queue.Enqueue(t.Context(), queue.Task{Kind: "media.process", ID: "v1"})); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if stats, err := a.queue.Stats(t.Context()); err == nil && stats.Dead == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the task does not die")
		}
	}
	if err := errors.Join(worker.Stop(t.Context()), a.close()); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := execute(t.Context(), []string{"queue", "dead"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d, %s", code, &errs)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	words := strings.Fields(lines[len(lines)-1])
	if len(lines) != 2 || words[1] != "v1" || words[2] != "1" || !strings.HasSuffix(lines[1],
		"process video v1: ffmpeg join: exit status 1: out.mp4: Invalid argument release the claim: no answer") {
		t.Errorf("it prints\n%s", &out)
	}
}
