// Package lifecycle runs the services of one process together: it starts them, waits until the process is told to stop
// or one of them fails, and stops all of them at the same time.
//
// It promises that every service that started has stopped, or has had its time to stop, before Run returns. It handles
// no signals and closes nothing that services share: both are left to the caller.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Service is something that runs beside the others.
//
// Start returns when the service is ready or has failed; a service that failed to start leaves nothing running. The
// context of Start is for the start alone. Stop blocks until nothing of the service runs any more or its context ends;
// it is idempotent, and safe when Start was never called. Failed may be nil; an error received from it ends the group.
type Service struct {
	Name   string
	Start  func(ctx context.Context) error
	Stop   func(ctx context.Context) error
	Failed <-chan error
}

// Group is a fixed list of services that run and stop together.
type Group struct {
	Services []Service
	// StopTimeout bounds the stop of every service. It must be longer than the grace that services give their own work.
	StopTimeout time.Duration
	Logger      *slog.Logger
}

// Run starts the services one after the other, waits until ctx ends or a service fails, and then stops all started
// services at the same time, so that their grace periods do not add up. It returns nil when ctx ended and every stop
// succeeded, otherwise all errors, each with the name of its service.
func (g *Group) Run(ctx context.Context) error {
	var failure error
	started := 0
	for _, service := range g.Services {
		if err := service.Start(ctx); err != nil {
			failure = fmt.Errorf("start %s: %w", service.Name, err)
			break
		}
		started++
	}
	if failure == nil {
		failure = g.wait(ctx)
	}
	return errors.Join(failure, g.stop(ctx, g.Services[:started]))
}

// wait returns nil when ctx ends, or the first failure of a service.
func (g *Group) wait(ctx context.Context) error {
	failed := make(chan error, len(g.Services))
	var watchers sync.WaitGroup
	defer watchers.Wait()
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, service := range g.Services {
		watchers.Go(func() {
			select {
			case err := <-service.Failed: // never ready when it is nil
				failed <- fmt.Errorf("%s: %w", service.Name, err)
			case <-watching.Done():
			}
		})
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func (g *Group) stop(ctx context.Context, services []Service) error {
	// The stop has a deadline of its own, because the context that asked for it has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.StopTimeout)
	defer cancel()
	errs := make([]error, len(services))
	var stops sync.WaitGroup
	left := newRest(services)
	told := make(chan struct{})
	go func() {
		defer close(told)
		left.tell(ctx, g.Logger)
	}()
	for i, service := range services {
		stops.Go(func() {
			defer left.remove(service.Name)
			began := time.Now()
			if err := service.Stop(ctx); err != nil {
				errs[i] = fmt.Errorf("stop %s: %w", service.Name, err)
				return
			}
			took := time.Since(began).Milliseconds()
			g.Logger.DebugContext(ctx, "stopped", "service", service.Name, "duration_ms", took)
		})
	}
	stops.Wait()
	left.close()
	<-told
	return errors.Join(errs...)
}

// tellEvery is how often a stop says what it waits for.
const tellEvery = 5 * time.Second

// rest is what a stop waits for.
type rest struct {
	mu    sync.Mutex
	names []string
	done  chan struct{}
}

func newRest(services []Service) *rest {
	r := &rest{done: make(chan struct{})}
	for _, service := range services {
		r.names = append(r.names, service.Name)
	}
	return r
}

func (r *rest) remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.names, name); i >= 0 {
		r.names = slices.Delete(r.names, i, i+1)
	}
}

func (r *rest) left() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.names, ", ")
}

func (r *rest) close() { close(r.done) }

// tell logs at once, and then every few seconds, what is waited for.
func (r *rest) tell(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	for {
		if left := r.left(); left != "" {
			log.InfoContext(ctx, "stopping", "waiting_for", left)
		}
		select {
		case <-ticker.C:
		case <-r.done:
			return
		}
	}
}

// Loop is a service that runs fn in the background, with a context that ends when the service is stopped.
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
