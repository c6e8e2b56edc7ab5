// Package ratelimit slows down whoever repeats one thing too often, by the generic cell rate algorithm.
package ratelimit

import (
	"context"
	"fmt"
	"math"
	"time"

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
	// count counts one attempt and returns how long to wait for the next one; 0: this one is allowed.
	count func(ctx context.Context, key string) (time.Duration, error)
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
	// An attempt that is overtaken tries again. Each of those that overtake it is counted, so the quota ends before this does.
	limiter.SetMaxCASAttemptsLimit(2*q.Burst + 10)
	return &Limiter{func(ctx context.Context, key string) (time.Duration, error) {
		limited, result, err := limiter.RateLimitCtx(ctx, key, 1)
		if err != nil || !limited {
			return 0, err
		}
		return result.RetryAfter, nil
	}}, nil
}

// Allow counts one attempt under key; ErrTooMany says that it is one too many. Shared counters that do not answer are no
// error: the attempt is allowed.
func (l *Limiter) Allow(ctx context.Context, key string) error {
	if l == nil || l.count == nil {
		return nil
	}
	wait, err := l.count(ctx, key)
	if err != nil {
		return fmt.Errorf("count an attempt: %w", err)
	}
	if wait > 0 {
		return ErrTooMany.WithRetryAfter(int(math.Ceil(wait.Seconds())))
	}
	return nil
}
