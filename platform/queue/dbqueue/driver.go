// Package dbqueue keeps a queue's tasks in one table of the application's database, SQLite or PostgreSQL, so that a
// stage needs no message broker.
//
// A task is a row. A delivery is the row's token together with the time at which its visibility ends. The token may
// extend or settle the delivery even after that time, as long as no other worker has received the task since.
//
// All times are those of the database's clock, so the clocks of processes that share a queue may differ. If the
// database's clock is set back by more than a minute, workers notice it within a few seconds: a task that waits is then
// due, and the visibility of one that runs begins anew. If it is set forward, the visibility of every running task ends
// at once: another worker receives the task, and the first one is told that it has lost it.
package dbqueue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/queue"
)

// minPause is the first pause after a ring that led to no task: a task that is tried again rings too, and may be due
// soon.
const minPause = 10 * time.Millisecond

// Options of a Driver. The zero value works.
type Options struct {
	// Poll is how often an idle worker looks for tasks that other processes enqueued or that have become due; 0: 500
	// ms. Each pause is up to a quarter shorter or longer.
	Poll time.Duration
}

// Driver is a queue in the database.
type Driver struct {
	db   *database.DB
	poll time.Duration
	bell bell

	mu        sync.Mutex
	corrected time.Time // when this process last corrected dates
}

var (
	_ queue.Driver = (*Driver)(nil)
	_ queue.Puller = (*Driver)(nil)
)

// New needs a database with Migrations applied. Processes that share the database share the queue. Within one process
// use one driver, so that an Enqueue starts an idle worker at once.
func New(db *database.DB, options Options) *Driver {
	if options.Poll <= 0 {
		options.Poll = 500 * time.Millisecond
	}
	return &Driver{db: db, poll: options.Poll}
}

// Enqueue stores the task and wakes this process's idle workers.
func (d *Driver) Enqueue(ctx context.Context, task queue.Task) error {
	if err := d.insert(ctx, task); err != nil {
		return err
	}
	d.bell.ring()
	return nil
}

// Redrive makes a dead task ready.
func (d *Driver) Redrive(ctx context.Context, kind, id string) (bool, error) {
	found, err := d.revive(ctx, kind, id)
	if err != nil || !found {
		return false, err
	}
	d.bell.ring()
	return true, nil
}

// Consume fails if the table is missing.
func (d *Driver) Consume(ctx context.Context, consumer queue.Consumer) (stop func(), err error) {
	if _, err := d.Stats(ctx); err != nil {
		return nil, fmt.Errorf("read queue_tasks: %w", err)
	}
	return queue.Pull(d, consumer), nil
}

// Receive waits until at least one task is due.
func (d *Driver) Receive(ctx context.Context, n int, visibility time.Duration) ([]queue.Received, error) {
	pause := d.poll
	for {
		rung := d.bell.rung()
		if err := d.correctNowAndThen(ctx); err != nil {
			return nil, err
		}
		deliveries, err := d.receive(ctx, n, visibility)
		if err != nil || len(deliveries) > 0 {
			return deliveries, err
		}
		timer := time.NewTimer(pause*3/4 + rand.N(pause/2+1)) //nolint:gosec // spreads load, guards nothing
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, nil
		case <-rung:
			timer.Stop()
			pause = min(minPause, d.poll)
		case <-timer.C:
			pause = min(2*pause, d.poll)
		}
	}
}

// correctNowAndThen corrects dates at the first call, and then every ten polls.
func (d *Driver) correctNowAndThen(ctx context.Context) error {
	d.mu.Lock()
	due := d.corrected.IsZero() || time.Since(d.corrected) > 10*d.poll
	if due {
		d.corrected = time.Now()
	}
	d.mu.Unlock()
	if !due {
		return nil
	}
	err := d.correct(ctx)
	if ctx.Err() != nil {
		return nil // Receive ends without an error
	}
	return err
}

// Settle needs the task's current token.
func (d *Driver) Settle(ctx context.Context, received queue.Received, verdict queue.Verdict) error {
	if err := d.settle(ctx, received, verdict); err != nil {
		return err
	}
	if verdict.Action == queue.Retry || verdict.Action == queue.Postpone {
		d.bell.ring()
	}
	return nil
}
