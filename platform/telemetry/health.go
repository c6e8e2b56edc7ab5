package telemetry

import (
	"context"
	"sync/atomic"
	"time"
)

// checkTimeout bounds all checks of one call of Ready together.
const checkTimeout = 2 * time.Second

// Check tests one thing that the process needs to serve requests.
type Check struct {
	Name string
	// Failure is what it means for an operator if the check fails, in English. It is public.
	Failure string
	Run     func(ctx context.Context) error
}

// Health reports whether this process should get traffic. It is safe for concurrent use.
type Health struct {
	Checks []Check
	// Tolerated checks test what the process can do without for a while. Their failure does not concern Ready.
	Tolerated []Check
	draining  atomic.Bool
}

// Drain makes Ready fail from now on, so that load balancers choose other processes before the listener closes.
func (h *Health) Drain() { h.draining.Store(true) }

// Ready runs the checks in order and returns the first that fails, with its error, or a zero Check and nil. It returns
// within 2 s if the checks obey their context.
func (h *Health) Ready(ctx context.Context) (failing Check, err error) {
	if h.draining.Load() {
		return Check{Name: "draining", Failure: "the process is stopping"}, context.Canceled
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, check := range h.Checks {
		if err := check.Run(ctx); err != nil {
			return check, err
		}
	}
	return Check{}, nil
}

// Degraded runs the tolerated checks and returns the names of those that fail. It returns within 2 s if the checks obey
// their context.
func (h *Health) Degraded(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var failing []string
	for _, check := range h.Tolerated {
		if check.Run(ctx) != nil {
			failing = append(failing, check.Name)
		}
	}
	return failing
}
