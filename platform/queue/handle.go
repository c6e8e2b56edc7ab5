package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"risingstars/platform/telemetry"
)

const deadHookTimeout = 10 * time.Second

// ending is the result of one delivery.
type ending struct {
	outcome string
	verdict Verdict
	err     error
}

// handle is called by the driver for every delivery.
func (w *Worker) handle(ctx context.Context, delivery Delivery) Verdict {
	w.running.Add(1)
	defer w.running.Done()
	if w.draining.Load() {
		return Verdict{Action: Postpone}
	}
	w.count.Add(1)
	defer w.count.Add(-1)
	w.metrics.inFlight.Inc()
	defer w.metrics.inFlight.Dec()

	started := time.Now()
	handler, known := w.handlers[delivery.Kind]
	delivery.MaxAttempts = w.options.MaxAttempts
	ctx, span := w.options.Traces.Continue(ctx, telemetry.Consumer, "process "+delivery.Kind, delivery.Trace)
	defer span.End()
	var end ending
	switch {
	case !known:
		end = dead(fmt.Errorf("no handler for kind %q", delivery.Kind))
	case delivery.Attempt > delivery.MaxAttempts:
		// The last attempt never ended, or its verdict would have been this one.
		delivery.Attempt = delivery.MaxAttempts
		end = dead(lapsed(delivery.Lapses))
	default:
		end = w.try(ctx, handler, delivery)
	}
	if end.outcome == outcomeDead && handler.Dead != nil {
		w.announceDeath(ctx, handler, delivery, end.verdict.Reason)
	}
	span.SetText("messaging.message.id", delivery.ID)
	span.SetNumber("messaging.message.delivery_count", int64(delivery.Attempt))
	span.SetText("outcome", end.outcome)
	if end.outcome == outcomeDead || end.outcome == outcomeRetried {
		span.Fail(end.outcome)
	}
	w.report(ctx, delivery, known, end, time.Since(started))
	return end.verdict
}

func lapsed(times int) error {
	if times == 0 {
		return errors.New("visibility lapsed")
	}
	return fmt.Errorf("visibility lapsed %d times", times)
}

// try runs the handler once and judges its result.
func (w *Worker) try(ctx context.Context, handler Handler, delivery Delivery) ending {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unhook := context.AfterFunc(w.stopping, func() { cancel(ErrStopping) })
	defer unhook()

	err := run(ctx, handler.Run, delivery)

	_, discard := errors.AsType[*discarded](err)
	later, postpone := errors.AsType[*postponed](err)
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, ErrLost):
		return ending{outcome: outcomeLost, err: ErrLost}
	case err == nil:
		return ending{outcome: outcomeDone, verdict: Verdict{Action: Done}}
	case errors.Is(cause, ErrStopping):
		// Even a Discard: a handler that was interrupted may have misread why its work failed.
		return ending{outcome: outcomeGivenBack, verdict: Verdict{Action: Postpone}, err: err}
	case discard:
		return ending{outcome: outcomeDiscarded, verdict: Verdict{Action: Done}, err: err}
	case postpone:
		return ending{outcome: outcomePostponed, verdict: Verdict{Action: Postpone, Delay: later.delay}, err: err}
	case delivery.Attempt >= delivery.MaxAttempts:
		return dead(err)
	default:
		verdict := Verdict{Action: Retry, Delay: backoff(delivery.Attempt), Reason: plainReason(err)}
		return ending{outcome: outcomeRetried, verdict: verdict, err: err}
	}
}

func dead(err error) ending {
	return ending{outcome: outcomeDead, verdict: Verdict{Action: Bury, Reason: plainReason(err)}, err: err}
}

// run turns a panic into an error.
func run(
	ctx context.Context, handler func(ctx context.Context, delivery Delivery) error, delivery Delivery,
) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicked{value: value, stack: debug.Stack()}
		}
	}()
	return handler(ctx, delivery)
}

func (w *Worker) announceDeath(ctx context.Context, handler Handler, delivery Delivery, reason string) {
	// The owner must be told even if the worker stops or the delivery is lost.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadHookTimeout)
	defer cancel()
	err := run(ctx, func(ctx context.Context, delivery Delivery) error {
		return handler.Dead(ctx, delivery, reason)
	}, delivery)
	if err != nil {
		w.options.Logger.ErrorContext(ctx, "owner of dead task not told",
			"kind", delivery.Kind, "id", delivery.ID, "error", err)
	}
}

// report writes a delivery's one log line and its metrics.
func (w *Worker) report(ctx context.Context, delivery Delivery, known bool, end ending, took time.Duration) {
	kind := delivery.Kind
	if !known {
		kind = unknownKind
	}
	w.metrics.tasks.WithLabelValues(kind, end.outcome).Inc()
	w.metrics.duration.WithLabelValues(kind).Observe(took.Seconds())

	level := slog.LevelWarn
	switch end.outcome {
	case outcomeDone, outcomePostponed, outcomeGivenBack:
		level = slog.LevelInfo
	case outcomeDead:
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("kind", delivery.Kind),
		slog.String("id", delivery.ID),
		slog.Int("attempt", delivery.Attempt),
		slog.String("outcome", end.outcome),
		slog.Int64("duration_ms", took.Milliseconds()),
	}
	if end.verdict.Delay > 0 {
		attrs = append(attrs, slog.Int64("delay_ms", end.verdict.Delay.Milliseconds()))
	}
	if end.err != nil {
		attrs = append(attrs, slog.Any("error", end.err))
	}
	if p, ok := errors.AsType[*panicked](end.err); ok {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	w.options.Logger.LogAttrs(ctx, level, "task handled", attrs...)
}
