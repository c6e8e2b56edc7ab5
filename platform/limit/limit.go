// Package limit bounds what one client, account or process may take of the service.
//
// A budget has a name, a key (who shares it) and a quantity: a rate, a number held at once, or an amount of bytes or
// rows held at once. Budgets are counted in one of three stores: in the memory of this process; in Redis or in
// PostgreSQL, so that all processes count together. While a shared store does not answer, each process counts alone.
// Counts are an estimate that a restart or an outage may lose, not an account of what happened.
package limit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// By says who shares a budget.
type By int

// Those who share a budget.
const (
	Client  By = iota + 1 // the clients of one network address
	Account               // the requests of one account
	Process               // everything in this process
)

// Rate is a sustained rate with room for a burst. 60 per minute with a burst of 10 allow 10 uses at once, and then one
// per second.
type Rate struct {
	Count int
	Per   time.Duration
	Burst int
}

// interval is the time in which one unit of a used burst comes back.
func (r Rate) interval() time.Duration { return r.Per / time.Duration(r.Count) }

// Budget is what one key may use. It has a Rate, an AtOnce, or both.
type Budget struct {
	Name   string // snake_case; no two budgets have the same
	By     By
	Rate   Rate  // the zero value: no rate
	AtOnce int64 // how many, or how much, may be held at once; 0: as much as one likes
	Newest bool  // a hold beyond AtOnce ends the oldest one instead of being refused
	Local  bool  // each process counts alone, even where a shared store exists
}

// shared reports whether all processes count the budget together, where they can.
func (b Budget) shared() bool { return b.By != Process && !b.Local }

// id returns the name of a key's counter. Keys may be long or private, such as an e-mail, so stores see only a hash.
func (b Budget) id(key string) string {
	hash := sha256.Sum256([]byte(key))
	return b.Name + ":" + base64.RawURLEncoding.EncodeToString(hash[:16])
}

// counter counts. Its methods are safe for concurrent use.
type counter interface {
	// take counts one use of id. It returns 0 if the use is within the rate, otherwise how long to wait for the next.
	take(ctx context.Context, id string, r Rate) (time.Duration, error)
	// reset forgets the uses of id.
	reset(ctx context.Context, id string) error
	// hold adds h to those that hold h.id, if they are fewer than most or if h may end the oldest of them.
	hold(ctx context.Context, h *Hold, most int64) (bool, error)
	release(ctx context.Context, h *Hold) error
}

// sharedCounter counts for all processes. A hold lapses unless it is renewed, so that a killed process holds nothing.
type sharedCounter interface {
	counter
	// renew reports false if h has been replaced by a newer hold.
	renew(ctx context.Context, h *Hold) (bool, error)
	// sweep deletes what counts nothing any more, if the store does not do that by itself.
	sweep(ctx context.Context) error
	Close() error
}

const (
	// sharedTimeout is how long one use may wait for a shared store before this process counts alone.
	sharedTimeout = 200 * time.Millisecond
	logInterval   = time.Minute // between two log lines about an outage
)

// Options configure Limits. The zero value counts in memory.
type Options struct {
	Shared     *Shared               // counts for all processes; nil: this process counts alone
	RatesOff   bool                  // Take allows everything, for load tests; Hold does not change
	Timeout    time.Duration         // the longest wait for the shared store; 0: 200 ms
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger          // nil: slog.Default()
}

// Shared is a store that all processes of a deployment share.
type Shared struct{ sharedCounter }

// Limits counts the use of budgets. It is safe for concurrent use.
type Limits struct {
	o         Options
	memory    *memory
	refused   *prometheus.CounterVec
	fallbacks prometheus.Counter
	logged    atomic.Int64 // when an outage was last logged, Unix ns

	mu     sync.Mutex
	leases map[*Hold]struct{} // holds in the shared store
	stop   context.CancelFunc
	done   chan struct{}
}

// New returns limits. The caller closes those that have a shared store. New panics if its metrics are already
// registered.
func New(o Options) *Limits {
	if o.Timeout <= 0 {
		o.Timeout = sharedTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Limits{
		o: o, memory: newMemory(), leases: map[*Hold]struct{}{}, stop: stop, done: make(chan struct{}),
		refused: promauto.With(o.Registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "limit_refused_total", Help: "Uses that a budget refused.",
		}, []string{"budget"}),
		fallbacks: promauto.With(o.Registerer).NewCounter(prometheus.CounterOpts{
			Name: "limit_shared_errors_total", Help: "Uses that this process counted alone, without the shared store.",
		}),
	}
	if o.Shared == nil {
		close(l.done)
		return l
	}
	go func() {
		defer close(l.done)
		l.tend(ctx)
	}()
	return l
}

// Close ends the renewing of leases, and closes the shared store. It may be called again.
func (l *Limits) Close() error {
	l.stop()
	<-l.done
	if l.o.Shared == nil {
		return nil
	}
	if err := l.o.Shared.Close(); err != nil {
		return fmt.Errorf("close the store of limits: %w", err)
	}
	return nil
}

// Take counts one use of the budget's rate by key. If that is one too many, the error is a fault that says when to try
// again, and the use is not counted.
func (l *Limits) Take(ctx context.Context, b Budget, key string) error {
	if l.o.RatesOff || b.Rate == (Rate{}) {
		return nil
	}
	id, wait := b.id(key), time.Duration(0)
	err := l.count(ctx, b, func(ctx context.Context, c counter) (err error) {
		wait, err = c.take(ctx, id, b.Rate)
		return err
	})
	if err != nil {
		return fmt.Errorf("count a use of %s: %w", b.Name, err)
	}
	if wait > 0 {
		return l.refuse(b, &Refusal{Budget: b.Name, Rate: b.Rate, Wait: wait})
	}
	return nil
}

// Reset forgets what key has used of the budget's rate.
func (l *Limits) Reset(ctx context.Context, b Budget, key string) error {
	id := b.id(key)
	err := l.memory.reset(ctx, id) // also what was counted during an outage
	if err == nil {
		err = l.count(ctx, b, func(ctx context.Context, c counter) error { return c.reset(ctx, id) })
	}
	if err != nil {
		return fmt.Errorf("reset the uses of %s: %w", b.Name, err)
	}
	return nil
}

// count runs fn on the store of the budget, or on this process's memory if the shared store does not answer.
func (l *Limits) count(ctx context.Context, b Budget, fn func(context.Context, counter) error) error {
	if l.o.Shared == nil || !b.shared() {
		return fn(ctx, l.memory)
	}
	bounded, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	err := fn(bounded, l.o.Shared)
	if err == nil || ctx.Err() != nil {
		return err
	}
	l.fallbacks.Inc()
	l.logOutage(ctx, err)
	return fn(ctx, l.memory)
}

// logOutage logs an outage at most once per logInterval.
func (l *Limits) logOutage(ctx context.Context, err error) {
	now, last := time.Now().UnixNano(), l.logged.Load()
	if now-last >= int64(logInterval) && l.logged.CompareAndSwap(last, now) {
		l.o.Logger.ErrorContext(ctx, "limits are counted by this process alone: the shared store does not answer",
			"error", err)
	}
}

// refuse returns the fault for a refused use.
func (l *Limits) refuse(b Budget, r *Refusal) error {
	l.refused.WithLabelValues(b.Name).Inc()
	declared := ErrTooMany
	switch {
	case b.By == Process:
		declared = ErrBusy
	case r.Rate == (Rate{}):
		declared = ErrTooManyAtOnce
	}
	return declared.With(r).WithRetryAfter(int(math.Ceil(r.Wait.Seconds())))
}

// Refusal is the private cause of the faults of this package: which budget refused a use, and why.
type Refusal struct {
	Budget string
	Rate   Rate  // zero if it is the number at once that was used up
	AtOnce int64 // zero if it is the rate that was used up
	Wait   time.Duration
}

// Error is for logs.
func (r *Refusal) Error() string { return "the budget " + r.Budget + " is used up" }

// RefusalIn returns the refusal that caused err.
func RefusalIn(err error) (*Refusal, bool) { return errors.AsType[*Refusal](err) }
