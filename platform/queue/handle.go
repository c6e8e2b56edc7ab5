package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

const deadHookTimeout = 10 * time.Second

// ending is how one delivery came out.
type ending struct {
	outcome string
	verdict Verdict
	err     error
}

// handle is what the driver calls for every delivery.
func (w *Worker) handle(ctx context.Context, job Job) Verdict {
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
	handler, known := w.handlers[job.Kind]
	delivery := Delivery{Task: job.Task, Attempt: job.Attempt, MaxAttempts: w.options.MaxAttempts, Redriven: job.Redriven}
	var end ending
	switch {
	case !known:
		end = dead(fmt.Errorf("no handler for kind %q", job.Kind))
	case job.Attempt > w.options.MaxAttempts:
		// The last attempt never came back, or its verdict would have been this one.
		delivery.Attempt = w.options.MaxAttempts
		end = dead(lapsed(job.Lapses))
	default:
		end = w.try(ctx, handler, delivery)
	}
	if end.outcome == outcomeDead && handler.Dead != nil {
		w.announceDeath(ctx, handler, delivery, end.verdict.Reason)
	}
	w.report(ctx, delivery, known, end, time.Since(started))
	return end.verdict
}

func lapsed(times int) error {
	if times == 0 {
		return errors.New("lease lapsed")
	}
	return fmt.Errorf("lease lapsed %d times", times)
}

// try runs the handler once and judges its result.
func (w *Worker) try(ctx context.Context, handler Handler, delivery Delivery) ending {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unhook := context.AfterFunc(w.stopping, func() { cancel(ErrStopping) })
	defer unhook()

	err := run(ctx, handler, delivery)

	_, discard := errors.AsType[*discarded](err)
	_, bury := errors.AsType[*buried](err)
	later, postpone := errors.AsType[*postponed](err)
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, ErrLost):
		return ending{outcome: outcomeLost, err: ErrLost}
	case err == nil:
		return ending{outcome: outcomeDone, verdict: Verdict{Action: Done}}
	case errors.Is(cause, ErrStopping):
		// Even a Discard or a Dead: a handler that was cut off may have misread why its work broke.
		return ending{outcome: outcomeGivenBack, verdict: Verdict{Action: Postpone}, err: err}
	case discard:
		return ending{outcome: outcomeDiscarded, verdict: Verdict{Action: Done}, err: err}
	case postpone:
		return ending{outcome: outcomePostponed, verdict: Verdict{Action: Postpone, Delay: later.delay}, err: err}
	case bury, delivery.Attempt >= delivery.MaxAttempts:
		return dead(err)
	default:
		delay := w.options.Backoff.delay(delivery.Attempt)
		return ending{outcome: outcomeRetried, verdict: Verdict{Action: Retry, Delay: delay, Reason: plainReason(err)}, err: err}
	}
}

func dead(err error) ending {
	return ending{outcome: outcomeDead, verdict: Verdict{Action: Bury, Reason: plainReason(err)}, err: err}
}

func run(ctx context.Context, handler Handler, delivery Delivery) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicked{value: value, stack: debug.Stack()}
		}
	}()
	if handler.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, handler.Timeout)
		defer cancel()
	}
	return handler.Run(ctx, delivery)
}

func (w *Worker) announceDeath(ctx context.Context, handler Handler, delivery Delivery, reason string) {
	// A stop or a lost lease must not keep the news from its owner.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadHookTimeout)
	defer cancel()
	err := run(ctx, Handler{Run: func(ctx context.Context, delivery Delivery) error {
		return handler.Dead(ctx, delivery, reason)
	}}, delivery)
	if err != nil {
		w.options.Logger.ErrorContext(ctx, "owner of dead task not told",
			"kind", delivery.Kind, "id", delivery.ID, "error", err)
	}
}

// report is the one log line, and the metrics, of a delivery.
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
