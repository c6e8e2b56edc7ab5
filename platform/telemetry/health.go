package telemetry

import (
	"context"
	"sync/atomic"
	"time"
)

// checkTimeout bounds one round of readiness checks.
const checkTimeout = 2 * time.Second

// Check is one thing that must work for requests to be served.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}

// Health answers whether this process should get traffic.
type Health struct {
	Checks   []Check
	draining atomic.Bool
}

// Drain makes Ready fail from now on, so that load balancers look elsewhere before the listener closes.
func (h *Health) Drain() { h.draining.Store(true) }

// Ready returns the name of the first failing check and its error, or "" and nil.
func (h *Health) Ready(ctx context.Context) (failing string, err error) {
	if h.draining.Load() {
		return "draining", context.Canceled
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, check := range h.Checks {
		if err := check.Run(ctx); err != nil {
			return check.Name, err
		}
	}
	return "", nil
}
