package media

import (
	"context"
	"fmt"
	"time"
)

// watchEvery is how often a watched video is read; its progress is stored once a second.
const watchEvery = 500 * time.Millisecond

// snapshot is a video at one moment, with its place in the queue.
type snapshot struct {
	Video
	QueuePosition int // from 1 while the video waits, else 0
}

// id is equal for two snapshots between which nothing has changed.
func (s snapshot) id() string {
	return fmt.Sprintf("%d-%s-%s-%d-%d", s.Attempt, s.Status, s.Step, s.Progress, s.QueuePosition)
}

// final reports whether the video will not change any more unless somebody acts.
func (s snapshot) final() bool { return s.Status == Processed || s.Status == Failed }

// observe returns the present state of the caller's video, with the errors of Owned.
func (m *Module) observe(ctx context.Context, callerID, id string) (snapshot, error) {
	v, err := m.Owned(ctx, callerID, id)
	if err != nil {
		return snapshot{}, err
	}
	s := snapshot{Video: v}
	if v.Status == Uploaded {
		ahead, err := m.store.ahead(ctx, v)
		if err != nil {
			return snapshot{}, err
		}
		s.QueuePosition = ahead + 1
	}
	return s, nil
}

// watch calls send with first, unless lastSeen is its id, and then with every change, until the video is final or
// deleted (errNotFound), or until ctx or done ends. It calls idle when nothing has changed. An error from send or idle
// ends the watch.
func (m *Module) watch(
	ctx context.Context, done <-chan struct{}, callerID string, first snapshot, lastSeen string,
	send func(snapshot) error, idle func() error,
) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for s := first; ; {
		act := idle
		if id := s.id(); id != lastSeen {
			lastSeen = id
			act = func() error { return send(s) }
		}
		if err := act(); err != nil || s.final() {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-done:
			return nil
		case <-ticker.C:
		}
		var err error
		if s, err = m.observe(ctx, callerID, s.ID); err != nil {
			return err
		}
	}
}
