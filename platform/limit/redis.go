package limit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// inRedis counts in Redis. Rates are counted by redis_rate. The holders of a budget are a sorted set whose scores are
// the ends of their leases, in milliseconds of Redis's clock.
type inRedis struct {
	client *redis.Client
	rates  *redis_rate.Limiter
}

// OpenRedis returns a store in Redis at a URL such as redis://user:password@host:6379/0 (rediss:// for TLS). It fails
// only for a malformed URL: Redis need not answer yet.
func OpenRedis(url string) (*Shared, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		// The cause would quote the URL, and with it the password.
		return nil, errors.New("open the limits in Redis: the URL must look like redis://user:password@host:port/db " +
			"(rediss:// for TLS)")
	}
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1
	client := redis.NewClient(o)
	return &Shared{&inRedis{client: client, rates: redis_rate.NewLimiter(client)}}, nil
}

func (s *inRedis) take(ctx context.Context, id string, r Rate) (time.Duration, error) {
	result, err := s.rates.Allow(ctx, id, redis_rate.Limit{Rate: r.Count, Period: r.Per, Burst: r.Burst})
	if err != nil {
		return 0, fmt.Errorf("count in Redis: %w", err)
	}
	if result.Allowed > 0 {
		return 0, nil
	}
	return max(result.RetryAfter, time.Millisecond), nil
}

func (s *inRedis) reset(ctx context.Context, id string) error {
	if err := s.rates.Reset(ctx, id); err != nil {
		return fmt.Errorf("reset in Redis: %w", err)
	}
	return nil
}

// acquire has the arguments holder, most, 1 for the newest or 0, and the lease in milliseconds.
var acquire = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
	if ARGV[3] == '0' then return 0 end
	local holders = redis.call('ZRANGE', KEYS[1], 0, -1)
	table.sort(holders)
	redis.call('ZREM', KEYS[1], holders[1])
end
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`)

// extend has the arguments holder, 1 for the newest or 0, and the lease in milliseconds. A hold that Redis has lost
// comes back, unless it may have been replaced.
var extend = redis.NewScript(`
if ARGV[2] == '1' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`)

func (s *inRedis) hold(ctx context.Context, h *Hold, most int64) (bool, error) {
	return s.run(ctx, acquire, h, h.holder, most, flag(h.newest), leaseTime.Milliseconds())
}

func (s *inRedis) renew(ctx context.Context, h *Hold) (bool, error) {
	return s.run(ctx, extend, h, h.holder, flag(h.newest), leaseTime.Milliseconds())
}

func (s *inRedis) run(ctx context.Context, script *redis.Script, h *Hold, args ...any) (bool, error) {
	done, err := script.Run(ctx, s.client, []string{holdersKey(h)}, args...).Int()
	if err != nil {
		return false, fmt.Errorf("hold in Redis: %w", err)
	}
	return done == 1, nil
}

func (s *inRedis) release(ctx context.Context, h *Hold) error {
	if err := s.client.ZRem(ctx, holdersKey(h), h.holder).Err(); err != nil {
		return fmt.Errorf("release in Redis: %w", err)
	}
	return nil
}

// sweep has nothing to do: all keys expire.
func (s *inRedis) sweep(context.Context) error { return nil }

func (s *inRedis) Close() error { return s.client.Close() }

func holdersKey(h *Hold) string { return "held:" + h.id }

func flag(set bool) int {
	if set {
		return 1
	}
	return 0
}
