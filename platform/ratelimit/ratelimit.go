// Package ratelimit limits how often something may be tried, by the generic cell rate algorithm. Counters are kept in
// this process or, shared by all processes, in Redis. They are an estimate that a restart or an outage of Redis loses,
// not an account of what happened.
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

// ErrTooMany is returned for an attempt above the quota, with the number of seconds to wait.
var ErrTooMany = fault.New(fault.TooManyRequests, "too_many_requests",
	"Demasiados intentos seguidos. Espera un momento y vuelve a intentarlo.",
	"Too many attempts in a row. Please wait a moment and try again.")

// keys is how many counters are kept in memory; the least recently used are evicted first.
const keys = 100_000

// Quota is a sustained rate with room for a burst.
type Quota struct {
	PerMinute int
	Burst     int
}

// Limiter counts attempts by key. It is safe for concurrent use. The zero Limiter and a nil one allow everything.
type Limiter struct {
	// count counts one attempt. It returns 0 if the attempt is allowed, otherwise how long to wait for the next one.
	count func(ctx context.Context, key string) (time.Duration, error)
}

// New returns a limiter that keeps its counters in this process.
func New(q Quota) (*Limiter, error) {
	store, err := memstore.NewCtx(keys)
	if err != nil {
		return nil, fmt.Errorf("create a rate limiter: %w", err)
	}
	limiter, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{
		MaxRate: throttled.PerMin(q.PerMinute), MaxBurst: q.Burst - 1,
	})
	if err != nil {
		return nil, fmt.Errorf("create a rate limiter: %w", err)
	}
	// The update is repeated when another attempt changed the counter meanwhile. Every change is a counted attempt, so
	// the quota is used up before this limit is reached.
	limiter.SetMaxCASAttemptsLimit(2*q.Burst + 10)
	return &Limiter{func(ctx context.Context, key string) (time.Duration, error) {
		limited, result, err := limiter.RateLimitCtx(ctx, key, 1)
		if err != nil || !limited {
			return 0, err
		}
		return result.RetryAfter, nil
	}}, nil
}

// Allow counts one attempt under key and returns ErrTooMany if it is one too many. It allows the attempt when shared
// counters do not answer.
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
