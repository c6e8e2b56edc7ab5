package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"

	"risingstars/platform/telemetry"
)

func TestRecordsCarryTheRequestID(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "info", "auto") // no terminal: JSON
	if err != nil {
		t.Fatal(err)
	}
	ctx := telemetry.WithRequestID(t.Context(), "r1")
	log.With("a", 1).InfoContext(ctx, "logged")
	log.DebugContext(ctx, "below the level")
	var record struct {
		Msg       string
		A         int
		RequestID string `json:"request_id"`
	}
	err = json.Unmarshal(out.Bytes(), &record)
	if err != nil || record.Msg != "logged" || record.A != 1 || record.RequestID != "r1" {
		t.Fatalf("the log is %s (%v)", &out, err)
	}
}

func TestUnknownLevelsAndFormatsAreErrors(t *testing.T) {
	t.Parallel()
	for _, test := range [][2]string{{"chatty", "json"}, {"info", "xml"}} {
		if _, err := telemetry.NewLogger(&bytes.Buffer{}, test[0], test[1]); err == nil {
			t.Errorf("level %q and format %q are accepted", test[0], test[1])
		}
	}
}

func TestADegradedProcessIsReady(t *testing.T) {
	t.Parallel()
	boom := func(context.Context) error { return errors.New("boom") }
	fine := func(context.Context) error { return nil }
	h := &telemetry.Health{Tolerated: []telemetry.Check{{Name: "disk", Run: boom}, {Name: "other", Run: fine}}}
	if failing, err := h.Ready(t.Context()); failing.Name != "" || err != nil {
		t.Errorf("Ready returns %q, %v", failing.Name, err)
	}
	if degraded := h.Degraded(t.Context()); len(degraded) != 1 || degraded[0] != "disk" {
		t.Errorf("degraded: %q", degraded)
	}
}

func TestReadinessNamesTheFirstFailingCheck(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	fine := telemetry.Check{Name: "first", Run: func(context.Context) error { return nil }}
	for name, test := range map[string]struct {
		check func(context.Context) error
		want  error
	}{
		"fails": {func(context.Context) error { return boom }, boom},
		"hangs": {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) { // in which the time limit passes at once
			h := &telemetry.Health{Checks: []telemetry.Check{fine, {Name: "second", Run: test.check}}}
			if failing, err := h.Ready(t.Context()); failing.Name != "second" || !errors.Is(err, test.want) {
				t.Errorf("%s: Ready returns %q, %v", name, failing.Name, err)
			}
		})
	}
	h := &telemetry.Health{Checks: []telemetry.Check{fine}}
	if failing, err := h.Ready(t.Context()); failing.Name != "" || err != nil {
		t.Errorf("all checks pass, and Ready returns %q, %v", failing.Name, err)
	}
	h.Drain()
	if failing, err := h.Ready(t.Context()); failing.Name != "draining" || err == nil {
		t.Errorf("while draining, Ready returns %q, %v", failing.Name, err)
	}
}
