package webhooks

import (
	"context"
	"errors"
	"sync"
	"time"

	"risingstars/platform/queue"
)

const (
	sweepEvery  = time.Second
	forgetEvery = time.Hour
	// keepLog and keepRows bound the log of an endpoint's deliveries.
	keepLog  = 14 * 24 * time.Hour
	keepRows = 10_000
)

// Sweep finds, until ctx ends, the endpoints with something due, and hands them to the queue. It sends to those that
// the queue hands to this process, and to those whose turn does not come there for too long. Any number of processes
// may sweep at the same time.
func (m *Module) Sweep(ctx context.Context) {
	var wait sync.WaitGroup
	defer wait.Wait()
	for range turnsAtOnce {
		wait.Go(func() { m.takeTurns(ctx) })
	}
	wait.Go(func() {
		m.every(ctx, forgetEvery, "look after webhooks", func(ctx context.Context) error {
			return errors.Join(m.store.forget(ctx), m.closeAgain(ctx))
		})
	})
	m.every(ctx, min(sweepEvery, m.o.Grace), "sweep webhooks", m.dispatch)
}

// every does something at once, and then at intervals until ctx ends.
func (m *Module) every(ctx context.Context, pause time.Duration, what string, do func(context.Context) error) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	trouble := ""
	for {
		trouble = m.complain(ctx, what, do(ctx), trouble)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// complain logs an error, unless it was the latest trouble already: during an outage it stays the same. It returns the
// latest trouble of now.
func (m *Module) complain(ctx context.Context, what string, err error, trouble string) string {
	switch {
	case err == nil:
		return ""
	case ctx.Err() == nil && err.Error() != trouble:
		m.log.ErrorContext(ctx, what, "error", err)
	}
	return err.Error()
}

func (m *Module) dispatch(ctx context.Context) error {
	due, err := m.store.due(ctx)
	if err != nil {
		return err
	}
	for _, e := range due {
		if e.Overdue { // the queue has lost it, or has longer tasks first
			m.turns.add(e.ID)
			continue
		}
		err = errors.Join(err, m.forward(ctx, e.ID))
	}
	return err
}

// forward hands an endpoint to the queue, unless another process has.
func (m *Module) forward(ctx context.Context, id string) error {
	first, err := m.store.entrust(ctx, id, m.o.Grace)
	if err != nil || !first {
		return err
	}
	if err := m.queue.Enqueue(ctx, queue.Task{Kind: sendKind, ID: id}); err != nil {
		m.log.WarnContext(ctx, "a webhook is left to the sweeper", "webhook", id, "error", err)
	}
	return nil
}

// closeAgain closes all secrets with the present SECRET_KEY, so that they outlive the one before it.
func (m *Module) closeAgain(ctx context.Context) error {
	secrets, err := m.store.secrets(ctx)
	for _, s := range secrets {
		again := s
		for _, closed := range []*string{&again.Secret, &again.PreviousSecret} {
			if *closed == "" {
				continue
			}
			secret, openErr := m.vault.Open(*closed, s.ID)
			if openErr != nil {
				continue // whoever sends to it tells
			}
			*closed = m.vault.Close(secret, s.ID)
		}
		err = errors.Join(err, m.store.replaceSecrets(ctx, s, again))
	}
	return err
}
