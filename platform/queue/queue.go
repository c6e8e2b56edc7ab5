package queue

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const defaultDeadLimit = 100

// Options of a Queue. The zero value works.
type Options struct {
	Logger *slog.Logger // slog.Default()
	// Registerer gets the queue's depth as metrics; nil means none.
	Registerer prometheus.Registerer
	// StatsTimeout bounds the look into the queue that a scrape costs. 2 s.
	StatsTimeout time.Duration
}

// Queue takes tasks in and looks after the dead ones. Safe for concurrent use.
type Queue struct {
	driver Driver
}

// New panics when its metrics are already registered, as prometheus.MustRegister does.
func New(driver Driver, options Options) *Queue {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.StatsTimeout <= 0 {
		options.StatsTimeout = 2 * time.Second
	}
	q := &Queue{driver: driver}
	if options.Registerer != nil {
		options.Registerer.MustRegister(newDepthCollector(q, options.StatsTimeout, options.Logger))
	}
	return q
}

// Enqueue returns once the task is stored. A task of the same kind and ID that waits or runs is
// left as it is; a dead one is revived, its attempts forgotten. ErrInvalidTask when no retry
// would help. Where the driver's store is the caller's database, a transaction in ctx is joined.
func (q *Queue) Enqueue(ctx context.Context, task Task) error {
	if err := task.validate(); err != nil {
		return fmt.Errorf("enqueue %q: %w", task.Kind, err)
	}
	if err := q.driver.Enqueue(ctx, task); err != nil {
		return fmt.Errorf("enqueue %s %s: %w", task.Kind, task.ID, err)
	}
	return nil
}

// Stats is how the queue stands now.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	stats, err := q.driver.Stats(ctx)
	if err != nil {
		return Stats{}, fmt.Errorf("queue stats: %w", err)
	}
	return stats, nil
}

// Dead lists up to limit dead letters, the latest first; 100 when limit is not positive.
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

// Redrive makes one dead task ready again, its attempts forgotten; false when there is none such.
func (q *Queue) Redrive(ctx context.Context, kind, id string) (bool, error) {
	found, err := q.driver.Redrive(ctx, kind, id)
	if err != nil {
		return false, fmt.Errorf("redrive %s %s: %w", kind, id, err)
	}
	return found, nil
}

// RedriveAll makes the dead tasks ready that are wanted, their attempts forgotten, each task once. It returns those that
// it made ready, also beside an error.
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
