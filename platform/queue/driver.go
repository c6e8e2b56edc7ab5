package queue

import (
	"context"
	"log/slog"
	"time"
)

// Driver is a product that keeps tasks and hands them out. All methods are safe for concurrent
// use. A driver is given valid tasks only, and decides nothing about success: it delivers, and
// does with each task what the verdict says.
type Driver interface {
	// Enqueue stores the task durably before it returns. A task of the same kind and ID that
	// waits or runs is left as it is; a dead one is revived with the new payload and no
	// attempts. (SQS cannot tell, and stores the task again.)
	Enqueue(ctx context.Context, task Task) error

	Stats(ctx context.Context) (Stats, error)

	// Dead lists up to limit dead tasks, those that died last first as far as the product can.
	Dead(ctx context.Context, limit int) ([]DeadTask, error)

	// Redrive makes one dead task ready again with no attempts; false when it is not among the dead.
	// Its deliveries say that it was redriven, until it dies or is done.
	Redrive(ctx context.Context, kind, id string) (bool, error)

	// Consume starts delivery to the consumer and returns once it runs, or why it cannot. ctx is
	// for the start alone. stop ends it: no further delivery, then it waits until every call of
	// Handle has returned and its verdict is written. It is called once.
	Consume(ctx context.Context, consumer Consumer) (stop func(), err error)
}

// Redriver is a driver that must go through the dead to find one of them, and so makes many ready on one way.
type Redriver interface {
	// RedriveAll does what Redrive does to every dead task that is wanted, but to no task twice, so that it ends although
	// some die again meanwhile. It returns those that it made ready, also beside an error.
	RedriveAll(ctx context.Context, wanted func(DeadTask) bool) ([]DeadTask, error)
}

// Consumer is what a driver delivers to, and how.
type Consumer struct {
	// Handle does one job and says what becomes of its task; it does not panic. The driver calls
	// it up to Concurrency times at once, keeps the task's lease alive meanwhile, and cancels ctx
	// with cause ErrLost when it failed to; the verdict is then not written.
	Handle      func(ctx context.Context, job Job) Verdict
	Concurrency int
	// Visibility is how long a task is withheld from others without a sign of life.
	Visibility time.Duration
	Logger     *slog.Logger
}

// Job is one delivery of a task.
type Job struct {
	Task
	// Attempt counts deliveries from 1, without those that ended in Postpone. A delivery whose
	// worker vanished counts.
	Attempt int
	// Lapses is how many of them ended by a lapsed lease; zero when the product does not count them.
	Lapses int
	// Redriven says that the task was dead and Redrive made it ready, unlike one that Enqueue revived.
	Redriven bool
}

// Verdict is what becomes of a task after a delivery.
type Verdict struct {
	Action Action
	Delay  time.Duration // for Retry and Postpone
	Reason string        // for Retry and Bury: plain UTF-8 without NUL, at most 1 KiB
}

// Action is the verb of a verdict.
type Action int

// What a driver can be told to do with a delivered task.
const (
	Done     Action = iota // forget it
	Retry                  // deliver it again after Delay; the attempt counts
	Postpone               // deliver it again after Delay; the attempt does not count
	Bury                   // put it among the dead
)
