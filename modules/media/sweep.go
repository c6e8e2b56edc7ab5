package media

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	sweepEvery = 5 * time.Second
	sweepBatch = 100
	// sweepTime is how long one part of a sweep may take. What is left waits for its next turn.
	sweepTime = 50 * time.Second
)

// Sweep finishes, until ctx ends, what crashes and lost tasks left undone: it sends tasks again, cancels expired
// uploads, and deletes orphans and the originals of videos that failed long ago. Any number of processes may sweep at
// the same time: each takes what it is about to do. The parts do not wait for each other, and what fails is tried again
// after a growing pause, so that nothing keeps the rest waiting.
func (m *Module) Sweep(ctx context.Context) {
	var parts sync.WaitGroup
	for _, part := range m.sweeps() {
		parts.Go(func() { m.repeat(ctx, part) })
	}
	parts.Wait()
}

func (m *Module) sweeps() []func(ctx context.Context) error {
	return []func(ctx context.Context) error{
		m.bringBack, m.resend, m.sendRebrands, m.direct.sweep, m.expireOriginals, m.sweepOrphans,
	}
}

func (m *Module) repeat(ctx context.Context, part func(ctx context.Context) error) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, sweepTime)
		err := part(limited)
		cancel()
		if err != nil && ctx.Err() == nil {
			m.metrics.sweepErrors.Inc()
			m.log.ErrorContext(ctx, "sweep", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Module) bringBack(ctx context.Context) error { return m.store.bringBack(ctx, m.o.ResendAfter) }

// expireOriginals deletes the originals of videos that failed too long ago. Their rows stay, with the reason.
func (m *Module) expireOriginals(ctx context.Context) error {
	if m.o.KeepFailed <= 0 {
		return nil
	}
	if err := m.store.dateFailures(ctx); err != nil {
		return err
	}
	videos, err := m.store.failedFor(ctx, m.o.KeepFailed, sweepBatch)
	if err != nil {
		return err
	}
	var failed troubles
	for _, v := range videos {
		files, err := m.store.dropOriginal(ctx, v)
		if err == nil {
			err = m.deleteFiles(ctx, files)
		}
		failed.add(err)
	}
	if len(videos) > 0 {
		m.log.InfoContext(ctx, "deleted the originals of failed videos", "count", len(videos)-failed.n)
	}
	m.metrics.swept.WithLabelValues(actExpired).Add(float64(len(videos) - failed.n))
	return failed.of(len(videos), "delete the originals of failed videos")
}

// resend sends the tasks that the queue may have lost. A video whose task died while a worker still held it fails
// instead, if that worker has ended without a result.
func (m *Module) resend(ctx context.Context) error {
	videos, err := m.store.takeSilent(ctx, m.o.ResendAfter, sweepBatch)
	if err != nil {
		return err
	}
	var failed troubles
	for _, v := range videos {
		if v.Died {
			err = m.failDead(ctx, v)
		} else if err = m.sendTaken(ctx, v); err == nil {
			m.metrics.swept.WithLabelValues(actSent).Inc()
		}
		failed.add(err)
	}
	return failed.of(len(videos), "send tasks again")
}

func (m *Module) failDead(ctx context.Context, v silentVideo) error {
	failed, err := m.failAndTell(ctx, v.ID, func(ctx context.Context) (bool, error) {
		return m.store.failDead(ctx, v)
	})
	if failed {
		m.metrics.swept.WithLabelValues(actFailed).Inc()
		m.metrics.failed.WithLabelValues(codeProcessingError).Inc()
	}
	return err
}

// sweepOrphans deletes the orphans that are due.
func (m *Module) sweepOrphans(ctx context.Context) error {
	files, err := m.store.dueFiles(ctx, sweepBatch)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		m.log.InfoContext(ctx, "deleting orphaned files", "count", len(files))
	}
	n, err := m.deleteSome(ctx, files)
	m.metrics.swept.WithLabelValues(actOrphan).Add(float64(n))
	if err != nil {
		return fmt.Errorf("sweep orphans: %w", err)
	}
	return nil
}
