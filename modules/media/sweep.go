package media

import (
	"context"
	"errors"
	"time"
)

const (
	sweepEvery = 5 * time.Second
	sweepBatch = 100
)

// Sweep finishes, until ctx ends, what crashes and lost tasks left undone: it sends tasks again, cancels expired
// uploads, and deletes orphans and the originals of videos that failed long ago. Any number of processes may sweep at
// the same time.
func (m *Module) Sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := m.sweepOnce(ctx, time.Now()); err != nil && ctx.Err() == nil {
			m.log.ErrorContext(ctx, "sweep", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Module) sweepOnce(ctx context.Context, now time.Time) error {
	return errors.Join(m.resend(ctx, now), m.direct.sweep(ctx, now), m.expireOriginals(ctx, now),
		m.sweepOrphans(ctx, now))
}

// expireOriginals deletes the originals of videos that failed too long ago. Their rows stay, with the reason.
func (m *Module) expireOriginals(ctx context.Context, now time.Time) error {
	if m.o.KeepFailed <= 0 {
		return nil
	}
	if err := m.store.dateFailures(ctx, now); err != nil {
		return err
	}
	videos, err := m.store.failedBefore(ctx, now.Add(-m.o.KeepFailed), sweepBatch)
	if err != nil {
		return err
	}
	for _, v := range videos {
		dropped, err := m.store.dropOriginal(ctx, v, now)
		if err != nil {
			return err
		}
		if dropped {
			m.deleteFiles(ctx, v.OriginalKey)
		}
	}
	if len(videos) > 0 {
		m.log.InfoContext(ctx, "deleted the originals of failed videos", "count", len(videos))
	}
	return nil
}

// resend sends the tasks that the queue may have lost.
func (m *Module) resend(ctx context.Context, now time.Time) error {
	ids, err := m.store.silent(ctx, now.Add(-m.o.ResendAfter), now, sweepBatch)
	if err != nil {
		return err
	}
	for _, id := range ids {
		m.send(ctx, id)
	}
	return nil
}

// sweepOrphans deletes the orphans that are due.
func (m *Module) sweepOrphans(ctx context.Context, now time.Time) error {
	keys, err := m.store.dueOrphans(ctx, now, sweepBatch)
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		m.log.InfoContext(ctx, "deleting orphaned files", "count", len(keys))
	}
	m.deleteFiles(ctx, keys...)
	return nil
}
