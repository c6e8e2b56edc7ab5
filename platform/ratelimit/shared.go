package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

const logInterval = time.Minute // between two log lines about an outage

// SharedOptions configures a Shared. URL is required.
type SharedOptions struct {
	URL     string        // redis://[user:password@]host[:port][/db]; rediss:// for TLS
	Timeout time.Duration // the longest that one attempt waits for Redis; 0: 200 ms
	Logger  *slog.Logger  // nil: slog.Default()
}

// Shared keeps counters in Redis, so that all processes count together. While Redis does not answer, its limiters allow
// everything, because people must be able to sign in.
type Shared struct {
	client  *redis.Client
	timeout time.Duration
	logger  *slog.Logger
	logged  atomic.Int64 // when an outage was last logged, Unix ns
}

// OpenShared fails only for a malformed URL. Redis need not answer yet. The caller closes the Shared.
func OpenShared(options SharedOptions) (*Shared, error) {
	connection, err := redis.ParseURL(options.URL)
	if err != nil {
		// The cause would quote the URL, and with it the password.
		return nil, errors.New("open shared rate limits: the URL must look like redis://user:password@host:port/db " +
			"(rediss:// for TLS)")
	}
	if options.Timeout <= 0 {
		options.Timeout = 200 * time.Millisecond
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	connection.ContextTimeoutEnabled = true
	connection.MaxRetries = -1
	connection.DialTimeout, connection.PoolTimeout = options.Timeout, options.Timeout
	connection.ReadTimeout, connection.WriteTimeout = options.Timeout, options.Timeout
	return &Shared{client: redis.NewClient(connection), timeout: options.Timeout, logger: options.Logger}, nil
}

// NewShared returns a limiter that keeps its counters in Redis and changes each in one atomic step. Limiters with the
// same name count together, in all processes, and must have the same quota.
func NewShared(shared *Shared, name string, q Quota) *Limiter {
	limit := redis_rate.Limit{Rate: q.PerMinute, Period: time.Minute, Burst: q.Burst}
	return &Limiter{func(ctx context.Context, key string) (time.Duration, error) {
		return shared.count(ctx, name+":"+key, limit)
	}}
}

func (s *Shared) count(ctx context.Context, key string, limit redis_rate.Limit) (time.Duration, error) {
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	result, err := redis_rate.NewLimiter(s.client).Allow(bounded, key, limit)
	switch {
	case err == nil && result.Allowed > 0:
		return 0, nil
	case err == nil:
		return result.RetryAfter, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	s.logOutage(ctx, err)
	return 0, nil
}

// Close closes the connections.
func (s *Shared) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close shared rate limits: %w", err)
	}
	return nil
}

// logOutage logs an outage at most once per logInterval.
func (s *Shared) logOutage(ctx context.Context, err error) {
	now, last := time.Now().UnixNano(), s.logged.Load()
	if now-last >= int64(logInterval) && s.logged.CompareAndSwap(last, now) {
		s.logger.ErrorContext(ctx, "rate limits are off: Redis does not answer", "error", err)
	}
}
