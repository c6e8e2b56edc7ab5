// Package ratelimit slows down whoever repeats one thing too often, by the generic cell rate algorithm.
package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"

	"risingstars/platform/fault"
)

// ErrTooMany is returned with the number of seconds to wait.
var ErrTooMany = fault.New(fault.TooManyRequests, "too_many_requests",
	"Demasiados intentos seguidos. Espera un momento y vuelve a intentarlo.",
	"Too many attempts in a row. Please wait a moment and try again.")

// keys bounds how many counters are remembered; the least recently used go first.
const keys = 100_000

// Quota is a sustained rate with room for a burst.
type Quota struct {
	PerMinute int
	Burst     int
}

// Limiter counts by key. The zero Limiter and nil allow everything.
type Limiter struct {
	limiter *throttled.GCRARateLimiterCtx
	shared  *Shared // nil: the counters are in this process
}

// New keeps its counters in this process.
func New(q Quota) (*Limiter, error) {
	store, err := memstore.NewCtx(keys)
	if err != nil {
		return nil, fmt.Errorf("make a rate limiter: %w", err)
	}
	return newLimiter(store, q)
}

func newLimiter(store throttled.GCRAStoreCtx, q Quota) (*Limiter, error) {
	limiter, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{
		MaxRate: throttled.PerMin(q.PerMinute), MaxBurst: q.Burst - 1,
	})
	if err != nil {
		return nil, fmt.Errorf("make a rate limiter: %w", err)
	}
	return &Limiter{limiter: limiter}, nil
}

// Allow counts one attempt under key; ErrTooMany says that it is one too many. Shared counters that do not answer are no
// error: the attempt is allowed.
func (l *Limiter) Allow(ctx context.Context, key string) error {
	if l == nil || l.limiter == nil {
		return nil
	}
	limited, result, err := l.count(ctx, key)
	_, outage := errors.AsType[*storeError](err)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return fmt.Errorf("count an attempt: %w", err)
	case outage:
		l.shared.tell(ctx, err)
		return nil
	default:
		// So many attempts at once under one key that this one was overtaken again and again.
		return ErrTooMany.WithRetryAfter(1)
	}
	if limited {
		return ErrTooMany.WithRetryAfter(max(1, int(math.Ceil(result.RetryAfter.Seconds()))))
	}
	return nil
}

func (l *Limiter) count(ctx context.Context, key string) (bool, throttled.RateLimitResult, error) {
	if l.shared != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.shared.timeout)
		defer cancel()
	}
	return l.limiter.RateLimitCtx(ctx, key, 1)
}
