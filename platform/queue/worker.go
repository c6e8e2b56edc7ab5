package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/telemetry"
)

// abandonAfter is how long Stop still waits for handlers once its own context has ended: long enough for one that obeys
// its context to give its task back.
const abandonAfter = 5 * time.Second

// Handler does the work of one kind of task.
type Handler struct {
	// Run does the work. After nil the task is done. After an error or a panic it is tried again following a backoff of
	// 2.5 s to 5 min, and becomes a dead letter after the last attempt. Discard and Later end a run in other ways. When
	// ctx ends, its context.Cause is ErrStopping or ErrLost.
	Run func(ctx context.Context, delivery Delivery) error

	// Dead, if set, is called for a task that becomes a dead letter, even if Run never returned because the task kills
	// its worker every time. It is called before the dead letter is written, and again if that write is lost; its error
	// is logged and changes nothing. It has 10 s.
	Dead func(ctx context.Context, delivery Delivery, reason string) error
}

// Handlers are looked up by a task's kind.
type Handlers map[string]Handler

// WorkerOptions of a Worker. The zero value works.
type WorkerOptions struct {
	Concurrency int           // 0: 1
	MaxAttempts int           // 0: 3
	Visibility  time.Duration // 0: 30 s; the tasks of a worker that vanished are delivered again after it
	Grace       time.Duration // 0: 20 s; how long a stop lets handlers finish. Negative: not at all
	Logger      *slog.Logger  // nil: slog.Default()
	// Registerer receives the worker's metrics; nil: no metrics.
	Registerer prometheus.Registerer
	Traces     *telemetry.Traces // gets a span per delivery; nil: none
}

func (o WorkerOptions) withDefaults() WorkerOptions {
	if o.Concurrency <= 0 {
		o.Concurrency = 1
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 3
	}
	if o.Visibility <= 0 {
		o.Visibility = 30 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 20 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Worker runs handlers for the tasks of one driver.
type Worker struct {
	driver   Driver
	handlers Handlers
	options  WorkerOptions
	metrics  *workerMetrics

	stopping context.Context // ends, with ErrStopping, for every handler at once
	cancel   context.CancelCauseFunc
	draining atomic.Bool
	running  sync.WaitGroup // handlers; a driver's own count is not trusted
	count    atomic.Int64

	mu            sync.Mutex
	stopConsuming func() // nil until started
	stopped       bool
	done          chan struct{} // closed when nothing of this worker runs any longer
}

// NewWorker panics if its metrics are already registered, as prometheus.MustRegister does.
func NewWorker(driver Driver, handlers Handlers, options WorkerOptions) *Worker {
	options = options.withDefaults()
	stopping, cancel := context.WithCancelCause(context.Background())
	return &Worker{
		driver:   driver,
		handlers: handlers,
		options:  options,
		metrics:  newWorkerMetrics(options.Registerer, handlers),
		stopping: stopping,
		cancel:   cancel,
		done:     make(chan struct{}),
	}
}

// Start returns when the worker receives tasks or has failed to start; ctx is for the start alone. A worker is started
// once.
func (w *Worker) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopConsuming != nil || w.stopped {
		return errors.New("start queue worker: already started or stopped")
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start queue worker: %w", err)
	}
	for kind, handler := range w.handlers {
		if handler.Run == nil {
			return fmt.Errorf("start queue worker: handler for %q has no Run", kind)
		}
	}
	stop, err := w.driver.Consume(ctx, Consumer{
		Handle:      w.handle,
		Concurrency: w.options.Concurrency,
		Visibility:  w.options.Visibility,
		Logger:      w.options.Logger,
	})
	if err != nil {
		return fmt.Errorf("start queue worker: %w", err)
	}
	w.stopConsuming = stop
	return nil
}

// Busy reports whether a handler runs.
func (w *Worker) Busy() bool { return w.count.Load() > 0 }

// Stop receives no new task, lets handlers finish for the grace period, then cancels their contexts with ErrStopping
// and waits for them; their tasks are given back. The end of ctx cuts the grace period short. Stop fails only if
// handlers ignore their context for 5 s longer than ctx lasts; they still run then. It may be called at any time and
// any number of times; each call waits.
func (w *Worker) Stop(ctx context.Context) error {
	if !w.drain() {
		return nil
	}
	grace := time.NewTimer(w.options.Grace)
	defer grace.Stop()
	select {
	case <-w.done:
		return nil
	case <-grace.C:
	case <-ctx.Done():
	}
	w.cancel(ErrStopping)
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	abandon := time.NewTimer(abandonAfter)
	defer abandon.Stop()
	select {
	case <-w.done:
		return nil
	case <-abandon.C:
		return fmt.Errorf("stop queue worker: %d handlers still run: %w", w.count.Load(), ctx.Err())
	}
}

// drain begins the stop once; it returns false if there is nothing to stop.
func (w *Worker) drain() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopConsuming != nil && !w.stopped {
		w.draining.Store(true)
		go func() {
			defer close(w.done)
			w.stopConsuming()
			w.running.Wait()
			w.cancel(ErrStopping)
		}()
	}
	w.stopped = true
	return w.stopConsuming != nil
}
