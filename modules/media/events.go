package media

import (
	"context"
	"fmt"
	"time"
)

// watchEvery is how often a watched video is looked at; progress is stored once a second.
const watchEvery = 500 * time.Millisecond

// snapshot is a video at one moment, with its place among the waiting ones.
type snapshot struct {
	Video
	QueuePosition int // from 1 while the video waits, else 0
}

// id names the moment: two snapshots have the same id when there is nothing new to tell.
func (s snapshot) id() string {
	return fmt.Sprintf("%d-%s-%s-%d-%d", s.Attempt, s.Status, s.Stage, s.Progress, s.QueuePosition)
}

// final tells whether nothing more will happen by itself.
func (s snapshot) final() bool { return s.Status == Processed || s.Status == Failed }

// snapshot looks at the caller's video.
func (m *Module) snapshot(ctx context.Context, callerID, id string) (snapshot, error) {
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

// watch calls tell with the video's state, now unless lastSeen names it, and at every change until it is final, the video
// is gone, or ctx or done end. idle is called when there is nothing to tell. Errors of both end the watch.
func (m *Module) watch(
	ctx context.Context, done <-chan struct{}, callerID string, first snapshot, lastSeen string, tell func(snapshot) error, idle func() error,
) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for s := first; ; {
		act := idle
		if id := s.id(); id != lastSeen {
			lastSeen = id
			act = func() error { return tell(s) }
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
		if s, err = m.snapshot(ctx, callerID, s.ID); err != nil {
			return err
		}
	}
}
