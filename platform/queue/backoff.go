package queue

import (
	"math/rand/v2"
	"time"
)

// Backoff is how long a failed task waits: Base after the first attempt, doubling up to Max.
type Backoff struct {
	Base time.Duration // 5 s
	Max  time.Duration // 5 min
}

func (b Backoff) withDefaults() Backoff {
	if b.Base <= 0 {
		b.Base = 5 * time.Second
	}
	if b.Max <= 0 {
		b.Max = 5 * time.Minute
	}
	return b
}

// delay is for a task whose attempt (1, 2, …) has just failed. Half of it is random, so that
// tasks which failed together do not return together.
func (b Backoff) delay(attempt int) time.Duration {
	d := b.Base
	for range attempt - 1 {
		if d >= b.Max {
			break
		}
		d *= 2
	}
	d = min(d, b.Max)
	return d/2 + rand.N(d/2+1) //nolint:gosec // spreads load, guards nothing
}
