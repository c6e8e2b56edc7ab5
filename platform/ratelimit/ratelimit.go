// Package ratelimit slows down whoever repeats one thing too often, by the generic cell rate algorithm.
package ratelimit

import (
	"context"
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
}

// New keeps its counters in this process.
func New(q Quota) (*Limiter, error) {
	store, err := memstore.NewCtx(keys)
	if err != nil {
		return nil, fmt.Errorf("make a rate limiter: %w", err)
	}
	limiter, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{
		MaxRate: throttled.PerMin(q.PerMinute), MaxBurst: q.Burst - 1,
	})
	if err != nil {
		return nil, fmt.Errorf("make a rate limiter: %w", err)
	}
	return &Limiter{limiter}, nil
}

// Allow counts one attempt under key; ErrTooMany says that it is one too many.
func (l *Limiter) Allow(ctx context.Context, key string) error {
	if l == nil || l.limiter == nil {
		return nil
	}
	limited, result, err := l.limiter.RateLimitCtx(ctx, key, 1)
	if err != nil {
		return fmt.Errorf("count an attempt: %w", err)
	}
	if limited {
		return ErrTooMany.WithRetryAfter(max(1, int(math.Ceil(result.RetryAfter.Seconds()))))
	}
	return nil
}
