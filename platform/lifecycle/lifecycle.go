// Package lifecycle starts services in order and stops them in reverse.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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

// Loop is a service that runs fn beside the others, with a context that ends when the service is stopped.
func Loop(name string, fn func(ctx context.Context)) Service {
	var cancel context.CancelFunc
	done := make(chan struct{})
	return Service{
		Name: name,
		Start: func(ctx context.Context) error {
			ctx, cancel = context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // Stop calls it
			go func() {
				defer close(done)
				fn(ctx)
			}()
			return nil
		},
		Stop: func(ctx context.Context) error {
			if cancel == nil {
				return nil
			}
			cancel()
			select {
			case <-done:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
}

// Together makes one service of several that need not stop one after the other: each one's grace runs at the same time.
// They start in order.
func Together(name string, services ...Service) Service {
	failed := make(chan error, len(services))
	together := Service{Name: name, Failed: failed}
	together.Start = func(ctx context.Context) error {
		for _, service := range services {
			if err := service.Start(ctx); err != nil {
				// The group stops only what started, and this one did not.
				return errors.Join(fmt.Errorf("start %s: %w", service.Name, err), together.Stop(ctx))
			}
			if service.Failed != nil {
				go func() { failed <- fmt.Errorf("%s: %w", service.Name, <-service.Failed) }()
			}
		}
		return nil
	}
	together.Stop = func(ctx context.Context) error {
		errs := make([]error, len(services))
		var group sync.WaitGroup
		for i, service := range services {
			group.Go(func() { errs[i] = service.Stop(ctx) })
		}
		group.Wait()
		return errors.Join(errs...)
	}
	return together
}
