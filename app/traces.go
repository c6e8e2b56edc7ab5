package app

import (
	"context"
	"time"

	"risingstars/platform/telemetry"
)

// tracesTimeout is how long the end of a process waits for the receiver of its last spans.
const tracesTimeout = 3 * time.Second

// openTraces begins to send spans, if there is a receiver.
func (a *app) openTraces(ctx context.Context, role string) (err error) {
	if !a.c.Traces.On() {
		return nil
	}
	a.traces, err = telemetry.OpenTraces(ctx, telemetry.TracesOptions{Role: role, Version: version, Logger: a.log})
	if err != nil {
		return withVariable("OTEL_EXPORTER_OTLP_ENDPOINT", err)
	}
	a.closers = append(a.closers, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesTimeout)
		defer cancel()
		if err := a.traces.Close(ctx); err != nil {
			a.log.WarnContext(ctx, "spans are lost: they were not sent", "error", err)
		}
		return nil
	})
	return nil
}
