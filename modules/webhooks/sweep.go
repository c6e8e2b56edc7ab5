package webhooks

import (
	"context"
	"errors"
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

// Sweep finds, until ctx ends, the endpoints with something due, and hands them to the queue. To those whose turn does
// not come there for too long, it sends by itself. Any number of processes may sweep at the same time.
func (m *Module) Sweep(ctx context.Context) {
	ticker := time.NewTicker(min(sweepEvery, m.o.Grace))
	defer ticker.Stop()
	var forgot time.Time
	trouble := ""
	for {
		err := m.dispatch(ctx)
		if time.Since(forgot) > forgetEvery {
			forgot = time.Now()
			err = errors.Join(err, m.store.forget(ctx), m.closeAgain(ctx))
		}
		switch {
		case err == nil:
			trouble = ""
		case ctx.Err() == nil && err.Error() != trouble: // during an outage the error stays the same
			trouble = err.Error()
			m.log.ErrorContext(ctx, "sweep webhooks", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Module) dispatch(ctx context.Context) error {
	due, err := m.store.due(ctx)
	if err != nil {
		return err
	}
	for _, e := range due {
		switch {
		case ctx.Err() != nil:
			return nil
		case e.Overdue: // the queue has lost it, or has longer tasks first
			err = errors.Join(err, m.serve(ctx, e.ID))
		default:
			err = errors.Join(err, m.forward(ctx, e.ID))
		}
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
