package ratelimit_test

import (
	"errors"
	"testing"

	"risingstars/platform/fault"
	"risingstars/platform/ratelimit"
)

func TestBurstThenWait(t *testing.T) {
	t.Parallel()
	limiter, err := ratelimit.New(ratelimit.Quota{PerMinute: 1, Burst: 5})
	if err != nil {
		t.Fatal(err)
	}
	burstThenWait(t, limiter)
}

// burstThenWait checks a limiter with a burst of 5.
func burstThenWait(t *testing.T, limiter *ratelimit.Limiter) {
	t.Helper()
	for i := range 5 {
		if err := limiter.Allow(t.Context(), "a"); err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
	err := limiter.Allow(t.Context(), "a")
	if !errors.Is(err, ratelimit.ErrTooMany) {
		t.Fatalf("the sixth attempt returns %v", err)
	}
	if after := fault.From(err).RetryAfter; after < 1 || after > 60 {
		t.Fatalf("retry after %d s, want 1 to 60", after)
	}
	if err := limiter.Allow(t.Context(), "b"); err != nil {
		t.Fatalf("another key is limited as well: %v", err)
	}
}

func TestNoLimiterAllowsEverything(t *testing.T) {
	t.Parallel()
	var limiter *ratelimit.Limiter
	if err := limiter.Allow(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
}
