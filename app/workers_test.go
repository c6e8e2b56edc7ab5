package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"risingstars/config"
	"risingstars/platform/telemetry"
)

// serve tells once that there is no worker, and once that there is one again; a worker that is replaced is not missed.
func TestMissingWorkersAreToldOncePerChange(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := &app{
		c: &config.Config{}, log: slog.New(slog.NewTextHandler(&log, nil)), registry: telemetry.NewRegistry(),
	}
	w := a.newWorkers()
	start := time.Now()
	for _, step := range []struct {
		after     time.Duration
		workers   int
		lonely    bool
		sentences int
	}{
		{0, 0, false, 0},
		{50 * time.Second, 0, false, 0},
		{55 * time.Second, 1, false, 0},
		{65 * time.Second, 0, false, 0},
		{120 * time.Second, 0, false, 0},
		{125 * time.Second, 0, true, 1},
		{135 * time.Second, 0, true, 1},
		{200 * time.Second, 2, false, 2},
		{210 * time.Second, 2, false, 2},
	} {
		w.see(t.Context(), start.Add(step.after), step.workers)
		if lonely := w.check().Run(t.Context()) != nil; lonely != step.lonely {
			t.Errorf("after %s, lonely: %v", step.after, lonely)
		}
		if n := strings.Count(log.String(), "\n"); n != step.sentences {
			t.Errorf("after %s, %d sentences:\n%s", step.after, n, &log)
		}
	}
}
