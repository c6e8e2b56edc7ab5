package queue

import (
	"context"
	"log/slog"
	"time"
)

// Driver is a product that keeps tasks and hands them out. All methods are safe for concurrent use. A driver gets only
// valid tasks and does not judge their success: it delivers each task and carries out the verdict.
type Driver interface {
	// Enqueue stores the task durably before it returns. A task of the same kind and ID that waits or runs is left as
	// it is; a dead one is revived with the new payload and no attempts. (SQS does not recognise a task that it already
	// has, and stores it again.)
	Enqueue(ctx context.Context, task Task) error

	Stats(ctx context.Context) (Stats, error)

	// Dead lists up to limit dead tasks, the latest first as far as the product can tell.
	Dead(ctx context.Context, limit int) ([]DeadTask, error)

	// Redrive makes one dead task ready again with no attempts, and reports whether there was one. Its deliveries are
	// marked as redriven until it dies or is done.
	Redrive(ctx context.Context, kind, id string) (bool, error)

	// Consume starts delivery to the consumer. It returns when delivery runs or has failed to start. ctx is for the
	// start alone. stop ends delivery, then waits until every call of Handle has returned and its verdict is written.
	// It is called once.
	Consume(ctx context.Context, consumer Consumer) (stop func(), err error)
}

// Redriver is a driver that must read all dead letters to find one of them, and can therefore redrive many in one pass.
type Redriver interface {
	// RedriveAll redrives every dead task for which wanted returns true, but no task twice, so that it ends even if
	// some die again meanwhile. It returns those that it made ready, even with an error.
	RedriveAll(ctx context.Context, wanted func(DeadTask) bool) ([]DeadTask, error)
}

// Consumer receives a driver's deliveries.
type Consumer struct {
	// Handle handles one delivery and returns what becomes of its task; it does not panic. The driver calls it up to
	// Concurrency times at once and extends the delivery's visibility meanwhile. If that fails, the driver cancels ctx
	// with the cause ErrLost and does not write the verdict.
	Handle      func(ctx context.Context, delivery Delivery) Verdict
	Concurrency int
	// Visibility is how long a delivered task stays invisible to others without being extended.
	Visibility time.Duration
	Logger     *slog.Logger
}

// Verdict is what becomes of a task after a delivery.
type Verdict struct {
	Action Action
	Delay  time.Duration // for Retry and Postpone
	Reason string        // for Retry and Bury: plain UTF-8 without NUL, at most 1 KiB
}

// Action is the verb of a verdict.
type Action int

// What a driver does with a delivered task.
const (
	Done     Action = iota // delete it
	Retry                  // deliver it again after Delay; the attempt counts
	Postpone               // deliver it again after Delay; the attempt does not count
	Bury                   // keep it as a dead letter
)
