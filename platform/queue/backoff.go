package queue

import (
	"math/rand/v2"
	"time"
)

const (
	firstBackoff = 5 * time.Second
	maxBackoff   = 5 * time.Minute
)

// backoff is how long a task waits after the given attempt (1, 2, …) has failed: up to 5 s after the first, then twice
// as long each time, up to 5 min. Half of it is random, so that tasks that failed together do not return together.
func backoff(attempt int) time.Duration {
	d := firstBackoff
	for range attempt - 1 {
		if d >= maxBackoff {
			break
		}
		d *= 2
	}
	d = min(d, maxBackoff)
	return d/2 + rand.N(d/2+1) //nolint:gosec // spreads load, guards nothing
}
