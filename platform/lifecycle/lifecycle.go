// Package lifecycle starts services in order and stops them in reverse.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Service is something that runs beside the others.
//
// Start returns when the service is ready or has failed. Stop blocks until nothing of it runs any more or ctx ends; it
// is idempotent and safe when Start was never called. Failed may be nil; a value received from it stops the group.
type Service struct {
	Name   string
	Start  func(ctx context.Context) error
	Stop   func(ctx context.Context) error
	Failed <-chan error
}

// Group is a fixed list of services.
type Group struct {
	Services []Service
	// StopTimeout bounds the stopping of each service; it is longer than the grace that services give their own work.
	StopTimeout time.Duration
	Logger      *slog.Logger
}

// Run starts the services in order, waits for ctx to end or for one to fail, and stops the started ones in reverse. It
// returns nil after a clean stop that was asked for.
func (g *Group) Run(ctx context.Context) error {
	started := 0
	var failure error
	for _, service := range g.Services {
		if service.Start != nil {
			if failure = service.Start(ctx); failure != nil {
				failure = fmt.Errorf("start %s: %w", service.Name, failure)
				break
			}
		}
		started++
	}
	if failure == nil {
		failure = g.wait(ctx)
	}

	// The stop has its own deadline: the context that asked for it has ended.
	stopping := context.WithoutCancel(ctx)
	for i := started - 1; i >= 0; i-- {
		if g.Services[i].Stop == nil {
			continue
		}
		failure = errors.Join(failure, g.stop(stopping, g.Services[i]))
	}
	return failure
}

func (g *Group) stop(ctx context.Context, service Service) error {
	ctx, cancel := context.WithTimeout(ctx, g.StopTimeout)
	defer cancel()
	began := time.Now()
	if err := service.Stop(ctx); err != nil {
		return fmt.Errorf("stop %s: %w", service.Name, err)
	}
	g.Logger.DebugContext(ctx, "stopped", "service", service.Name, "duration_ms", time.Since(began).Milliseconds())
	return nil
}

// wait returns nil when ctx ends, or the first failure of a service.
func (g *Group) wait(ctx context.Context) error {
	failed := make(chan error)
	for _, service := range g.Services {
		if service.Failed == nil {
			continue
		}
		go func() {
			select {
			case err := <-service.Failed:
				select {
				case failed <- fmt.Errorf("%s: %w", service.Name, err):
				case <-ctx.Done():
				}
			case <-ctx.Done():
			}
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}
