package limit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// leaseTime is how long a hold in a shared store outlives its process. A lease is renewed every renewEvery.
	leaseTime  = 20 * time.Second
	renewEvery = 5 * time.Second
	sweepEvery = 12 // renewals
)

// Hold is the use of a budget until it is released.
type Hold struct {
	id     string
	holder string // sorts by the time of the acquisition, so that stores know the oldest
	n      int64
	newest bool
	lost   chan struct{}

	release func()
	once    sync.Once

	mu       sync.Mutex // one statement about a lease at a time
	released bool       // its lease must not be renewed
}

func newHold(b Budget, key string, n int64) *Hold {
	return &Hold{
		id: b.id(key), holder: uuid.Must(uuid.NewV7()).String(), n: n, newest: b.Newest, lost: make(chan struct{}),
		release: func() {},
	}
}

// Hold counts one use of the budget by key until it is released. If the budget is used up, the error is a fault, unless
// the newest hold replaces the oldest.
func (l *Limits) Hold(ctx context.Context, b Budget, key string) (*Hold, error) {
	return l.hold(ctx, b, newHold(b, key, 1))
}

// HoldAmount is Hold for n bytes or rows. Only a budget that each process counts alone can have amounts.
func (l *Limits) HoldAmount(ctx context.Context, b Budget, key string, n int64) (*Hold, error) {
	if b.shared() {
		return nil, fmt.Errorf("hold %d of %s: all processes share this budget", n, b.Name)
	}
	return l.hold(ctx, b, newHold(b, key, n))
}

func (l *Limits) hold(ctx context.Context, b Budget, h *Hold) (*Hold, error) {
	if b.AtOnce == 0 {
		return h, nil
	}
	var (
		held bool
		in   counter
	)
	err := l.count(ctx, b, func(ctx context.Context, c counter) (err error) {
		in = c
		held, err = c.hold(ctx, h, b.AtOnce)
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("hold one of %s: %w", b.Name, err)
	case !held:
		return nil, l.refuse(b, &Refusal{Budget: b.Name, AtOnce: b.AtOnce, Wait: atOnceWait})
	case in == counter(l.memory):
		h.release = func() { _ = l.memory.release(context.Background(), h) } // it never fails
	default:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.leases[h] = struct{}{}
		h.release = func() { l.releaseLease(h) }
	}
	return h, nil
}

// atOnceWait is when to try again for what is held by others: nobody knows when they release it.
const atOnceWait = 5 * time.Second

// Release ends the use. It may be called again.
func (h *Hold) Release() { h.once.Do(h.release) }

// Lost returns a channel that is closed when a newer hold has replaced this one, within 5 s of that.
func (h *Hold) Lost() <-chan struct{} { return h.lost }

// releaseLease ends a hold in the shared store. If the store does not answer, the lease lapses by itself.
func (l *Limits) releaseLease(h *Hold) {
	l.mu.Lock()
	delete(l.leases, h)
	l.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.released = true
	ctx, cancel := context.WithTimeout(context.Background(), l.o.Timeout)
	defer cancel()
	if err := l.o.Shared.release(ctx, h); err != nil {
		l.logOutage(ctx, err)
	}
}

// tend renews the leases of this process and sweeps the shared store, until ctx ends.
func (l *Limits) tend(ctx context.Context) {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		if n%sweepEvery == 0 {
			if err := l.o.Shared.sweep(ctx); err != nil && ctx.Err() == nil {
				l.logOutage(ctx, err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l.renewLeases(ctx)
	}
}

func (l *Limits) renewLeases(ctx context.Context) {
	l.mu.Lock()
	held := make([]*Hold, 0, len(l.leases))
	for h := range l.leases {
		held = append(held, h)
	}
	l.mu.Unlock()
	for _, h := range held {
		l.renewLease(ctx, h)
	}
}

// renewLease ends a hold that a newer one has replaced. A store that does not answer ends nothing.
func (l *Limits) renewLease(ctx context.Context, h *Hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	held, err := l.o.Shared.renew(bounded, h)
	if err != nil {
		if ctx.Err() == nil {
			l.logOutage(ctx, err)
		}
		return
	}
	if !held {
		l.mu.Lock()
		delete(l.leases, h)
		l.mu.Unlock()
		h.released = true
		close(h.lost)
	}
}
