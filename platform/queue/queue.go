package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/database"
	"risingstars/platform/telemetry"
)

const defaultDeadLimit = 100

// ErrInTransaction is returned by Enqueue if ctx carries a database transaction.
var ErrInTransaction = errors.New("enqueued inside a transaction; commit first")

// Options of a Queue. The zero value works.
type Options struct {
	Logger *slog.Logger // nil: slog.Default()
	// Registerer receives the queue's depth as metrics; nil: no metrics.
	Registerer prometheus.Registerer
	// StatsTimeout bounds how long a scrape waits for the queue's answer; 0: 2 s.
	StatsTimeout time.Duration
}

// Queue accepts tasks and looks after the dead letters. It is safe for concurrent use.
type Queue struct {
	driver Driver
}

// New panics if its metrics are already registered, as prometheus.MustRegister does.
func New(driver Driver, options Options) *Queue {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.StatsTimeout <= 0 {
		options.StatsTimeout = 2 * time.Second
	}
	q := &Queue{driver: driver}
	if options.Registerer != nil {
		depth := &depthCollector{queue: q, timeout: options.StatsTimeout, logger: options.Logger}
		options.Registerer.MustRegister(depth)
	}
	return q
}

// Enqueue returns once the task is stored. Call it after the commit of what the task is about: a worker may start at
// once, and must find it. Inside a transaction of package database it returns ErrInTransaction and stores nothing. A
// crash between commit and Enqueue loses the task, so the caller keeps in its own rows what is still to be sent.
//
// A task of the same kind and ID that waits or runs is left as it is; a dead one is revived with no attempts. The error
// is ErrInvalidTask if a retry cannot help.
func (q *Queue) Enqueue(ctx context.Context, task Task) error {
	if err := task.validate(); err != nil {
		return fmt.Errorf("enqueue %q: %w", task.Kind, err)
	}
	ctx, span := telemetry.Switch(ctx, telemetry.Producer, "send "+task.Kind, task.Trace)
	span.SetText("messaging.message.id", task.ID)
	if trace := telemetry.TraceParent(ctx); trace != "" {
		task.Trace = trace
	}
	err := ErrInTransaction
	if !database.InTransaction(ctx) {
		err = q.driver.Enqueue(ctx, task)
	}
	span.EndWith(err)
	if err != nil {
		return fmt.Errorf("enqueue %s %s: %w", task.Kind, task.ID, err)
	}
	return nil
}

// Stats returns the queue's present state.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	stats, err := q.driver.Stats(ctx)
	if err != nil {
		return Stats{}, fmt.Errorf("queue stats: %w", err)
	}
	return stats, nil
}

// Dead lists up to limit dead letters, the latest first; 100 if limit is not positive.
func (q *Queue) Dead(ctx context.Context, limit int) ([]DeadTask, error) {
	if limit <= 0 {
		limit = defaultDeadLimit
	}
	dead, err := q.driver.Dead(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return dead, nil
}

// Redrive makes one dead task ready again with no attempts, and reports whether there was one.
func (q *Queue) Redrive(ctx context.Context, kind, id string) (bool, error) {
	found, err := q.driver.Redrive(ctx, kind, id)
	if err != nil {
		return false, fmt.Errorf("redrive %s %s: %w", kind, id, err)
	}
	return found, nil
}

// RedriveAll makes the dead tasks for which wanted returns true ready again with no attempts, each task once. It
// returns those that it made ready, even with an error.
func (q *Queue) RedriveAll(ctx context.Context, wanted func(DeadTask) bool) ([]DeadTask, error) {
	if redriver, ok := q.driver.(Redriver); ok {
		redriven, err := redriver.RedriveAll(ctx, wanted)
		if err != nil {
			return redriven, fmt.Errorf("redrive dead letters: %w", err)
		}
		return redriven, nil
	}
	dead, err := q.Dead(ctx, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	var redriven []DeadTask
	for _, task := range dead {
		if !wanted(task) {
			continue
		}
		found, err := q.Redrive(ctx, task.Kind, task.ID)
		if err != nil {
			return redriven, err
		}
		if found {
			redriven = append(redriven, task)
		}
	}
	return redriven, nil
}
