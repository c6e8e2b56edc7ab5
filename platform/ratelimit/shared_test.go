package ratelimit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/platform/ratelimit"
)

// patient is a timeout that is long enough for a slow machine, for tests that are not about the timeout.
const patient = time.Minute

func open(t *testing.T, options ratelimit.SharedOptions) *ratelimit.Shared {
	t.Helper()
	shared, err := ratelimit.OpenShared(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
	})
	return shared
}

// openRedis opens what one process would open.
func openRedis(t *testing.T) *ratelimit.Shared {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs Redis")
	}
	address := os.Getenv("TEST_REDIS_URL")
	if address == "" {
		t.Fatal("no Redis: TEST_REDIS_URL is not set. Run `make test`, which starts a server, or for this package " +
			"only infra/setup/test.sh --redis go test ./platform/ratelimit")
	}
	return open(t, ratelimit.SharedOptions{URL: address, Timeout: patient})
}

func limiter(t *testing.T, shared *ratelimit.Shared, name string, q ratelimit.Quota) *ratelimit.Limiter {
	t.Helper()
	return ratelimit.NewShared(shared, name, q)
}

func TestSharedBurstThenWait(t *testing.T) {
	t.Parallel()
	burstThenWait(t, limiter(t, openRedis(t), rand.Text(), ratelimit.Quota{PerMinute: 1, Burst: 5}))
}

func TestTwoProcessesCountTogether(t *testing.T) {
	t.Parallel()
	name, quota := rand.Text(), ratelimit.Quota{PerMinute: 1, Burst: 4}
	one, two := limiter(t, openRedis(t), name, quota), limiter(t, openRedis(t), name, quota)
	for _, l := range []*ratelimit.Limiter{one, two, one, two} {
		if err := l.Allow(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []*ratelimit.Limiter{one, two} {
		if err := l.Allow(t.Context(), "a"); !errors.Is(err, ratelimit.ErrTooMany) {
			t.Errorf("after the burst: %v", err)
		}
	}
	other := limiter(t, openRedis(t), name+"-other", quota)
	if err := other.Allow(t.Context(), "a"); err != nil {
		t.Errorf("a limiter with another name is limited as well: %v", err)
	}
}

// When many attempts are made at once, exactly the quota is allowed: none above it, none refused too early, and none
// fails as in an outage.
func TestManyAttemptsAtOnceGetExactlyTheQuota(t *testing.T) {
	t.Parallel()
	quota := ratelimit.Quota{PerMinute: 1, Burst: 120}
	local, err := ratelimit.New(quota)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("one process", func(t *testing.T) { t.Parallel(); manyAtOnce(t, quota, local, local) })
	t.Run("two processes", func(t *testing.T) {
		t.Parallel()
		name := rand.Text()
		manyAtOnce(t, quota, limiter(t, openRedis(t), name, quota), limiter(t, openRedis(t), name, quota))
	})
}

func manyAtOnce(t *testing.T, quota ratelimit.Quota, limiters ...*ratelimit.Limiter) {
	t.Helper()
	var (
		group   sync.WaitGroup
		allowed atomic.Int32
		began   = time.Now()
	)
	for i := range 400 {
		group.Go(func() {
			switch err := limiters[i%len(limiters)].Allow(t.Context(), "a"); {
			case err == nil:
				allowed.Add(1)
			case !errors.Is(err, ratelimit.ErrTooMany):
				t.Error(err)
			}
		})
	}
	group.Wait()
	refilled := int(time.Since(began).Minutes()) + 1 // a slow machine may need minutes, which refill the quota
	if n := int(allowed.Load()); n < quota.Burst || n > quota.Burst+refilled {
		t.Errorf("%d allowed, want %d", n, quota.Burst)
	}
}

func TestOutageAllowsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // connects, but never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	for name, address := range map[string]string{"unreachable": "127.0.0.1:1", "silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			shared := open(t, ratelimit.SharedOptions{
				URL: "redis://:s3cret@" + address, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			one := limiter(t, shared, "one", ratelimit.Quota{PerMinute: 1, Burst: 1})
			two := limiter(t, shared, "two", ratelimit.Quota{PerMinute: 1, Burst: 1})
			const attempts = 4
			started := time.Now()
			for range attempts / 2 {
				for _, l := range []*ratelimit.Limiter{one, two} {
					if err := l.Allow(t.Context(), "a"); err != nil {
						t.Error(err)
					}
				}
			}
			// 200 ms each, where go-redis by default waits for 3 s. The rest is for a busy machine.
			if took := time.Since(started); took > attempts*2500*time.Millisecond {
				t.Errorf("%d attempts took %s", attempts, took)
			}
			if lines := strings.Count(log.String(), "\n"); lines != 1 || strings.Contains(log.String(), "s3cret") {
				t.Errorf("%d log lines, want 1 without the password: %s", lines, log.String())
			}
		})
	}
}

func TestCancelledAttemptIsNoOutage(t *testing.T) {
	t.Parallel()
	l := limiter(t, openRedis(t), rand.Text(), ratelimit.Quota{PerMinute: 1, Burst: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Allow(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Allow returned %v", err)
	}
}

func TestWrongURLIsRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "https://:s3cret@127.0.0.1", "redis://user:s3cret@127.0.0.1:port"} {
		if shared, err := ratelimit.OpenShared(ratelimit.SharedOptions{URL: url}); err == nil {
			shared.Close()
			t.Errorf("%q is accepted", url)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
