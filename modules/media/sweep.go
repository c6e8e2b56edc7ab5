package media

import (
	"context"
	"errors"
	"time"

	"risingstars/platform/queue"
)

const (
	sweepEvery = 5 * time.Second
	sweepBatch = 100
	// sendPatience is how long an upload's answer may wait for a queue that stands still; the sweeper has time.
	sendPatience = 3 * time.Second
)

// send enqueues a video's task. When that fails the row still says what is to be done, and the sweeper sends it.
func (m *Module) send(ctx context.Context, id string) {
	patience, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	err := m.queue.Enqueue(patience, queue.Task{Kind: processKind, ID: id})
	if err == nil {
		err = m.store.sent(ctx, id, time.Now())
	}
	if err != nil {
		m.log.WarnContext(ctx, "a task was not sent; the sweeper will", "video_id", id, "error", err)
	}
}

// remove deletes files that no row points to. What cannot be deleted now is listed, and the sweeper deletes it.
func (m *Module) remove(ctx context.Context, keys ...string) {
	for _, key := range keys {
		if key == "" {
			continue
		}
		err := m.bucket.Delete(ctx, key)
		if err == nil {
			err = m.store.keep(ctx, key)
		}
		if err != nil {
			m.log.WarnContext(ctx, "a file was not deleted; the sweeper will", "key", key, "error", err)
		}
	}
}

// abandon removes files that were written for a video and got none, also when the context of that work has ended. A
// transaction whose end nobody heard of may have been committed: what a video points to stays.
func (m *Module) abandon(ctx context.Context, keys ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	for _, key := range keys {
		unclaimed, err := m.store.expire(ctx, key, time.Now())
		if err != nil {
			m.log.WarnContext(ctx, "a file was not given up; the sweeper deletes it later", "key", key, "error", err)
		} else if unclaimed {
			m.remove(ctx, key)
		}
	}
}

// Sweep repeats, until ctx ends, what crashes may have left undone: tasks that the queue does not know, files that no
// row points to. Any number of processes may sweep at once.
func (m *Module) Sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := m.sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			m.log.ErrorContext(ctx, "sweep", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Module) sweep(ctx context.Context, now time.Time) error {
	return errors.Join(m.resend(ctx, now), m.sweepDirect(ctx, now), m.collect(ctx, now))
}

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

func (m *Module) collect(ctx context.Context, now time.Time) error {
	keys, err := m.store.due(ctx, now, sweepBatch)
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		m.log.InfoContext(ctx, "deleting unclaimed files", "count", len(keys))
	}
	m.remove(ctx, keys...)
	return nil
}
