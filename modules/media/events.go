package media

import (
	"context"
	"fmt"
	"time"
)

const (
	// streamLife is how long one stream lasts; a client that still watches then begins the next.
	streamLife = 30 * time.Minute
	// idleEvery is how often a watch without news calls idle.
	idleEvery = 5 * time.Second
)

// snapshot is a video at one moment, with its place in the queue.
type snapshot struct {
	Video
	QueuePlace int  // from 1 to maxPlace while the video waits, else 0
	Deleted    bool // then only the ID is known
}

// id is equal for two snapshots between which nothing has changed.
func (s snapshot) id() string {
	if s.Deleted {
		return "deleted"
	}
	return fmt.Sprintf("%d-%s-%s-%d-%d", s.Attempt, s.Status, s.Step, s.Progress, s.QueuePlace)
}

// final reports whether the video will not change any more unless somebody acts.
func (s snapshot) final() bool { return s.Deleted || s.Status == Processed || s.Status == Failed }

// observe returns the present state of the caller's video, with the errors of Owned.
func (m *Module) observe(ctx context.Context, callerID, id string) (snapshot, error) {
	v, err := m.Owned(ctx, callerID, id)
	if err != nil {
		return snapshot{}, err
	}
	return m.withPlace(ctx, v)
}

// look returns the present state of those videos that exist.
func (m *Module) look(ctx context.Context, ids []string) (map[string]snapshot, error) {
	videos, err := m.store.byIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[string]snapshot, len(videos))
	for _, v := range videos {
		if found[v.ID], err = m.withPlace(ctx, v); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Before returns how many videos wait before one, at most 999; 0 if it does not wait.
func (m *Module) Before(ctx context.Context, v Video) (int, error) {
	s, err := m.withPlace(ctx, v)
	return max(0, s.QueuePlace-1), err
}

func (m *Module) withPlace(ctx context.Context, v Video) (s snapshot, err error) {
	s.Video = v
	if v.Status == Uploaded {
		s.QueuePlace, err = m.places.of(ctx, v.ID)
	}
	return s, err
}

// ending is why a watch ended.
type ending int

const (
	ended    ending = iota // nothing more will happen, or nobody listens
	replaced               // by a newer watch
	expired                // after streamLife
)

// watch calls send with first, unless lastSeen is its id, and then with every change, until the video is final or
// deleted, until streamLife is over or newer watches have replaced this one, or until ctx or done ends. It calls idle
// every few seconds. An error from send or idle ends the watch. A place in the queue that it has shown only falls.
func (m *Module) watch(
	ctx context.Context, done <-chan struct{}, stream *eventStream, first snapshot, lastSeen string,
	send func(snapshot) error, idle func() error,
) ending {
	w := m.watchers.join(first)
	defer m.watchers.leave(first.ID, w)
	ticker := time.NewTicker(idleEvery)
	defer ticker.Stop()
	life := time.NewTimer(m.streamLife)
	defer life.Stop()
	for s, place := first, maxPlace; ; {
		if s.Status == Uploaded {
			s.QueuePlace = min(s.QueuePlace, place)
			place = s.QueuePlace
		} else {
			place = maxPlace
		}
		act := idle
		if id := s.id(); id != lastSeen {
			lastSeen = id
			act = func() error { return send(s) }
		}
		if err := act(); err != nil || s.final() {
			return ended
		}
		select {
		case s = <-w.latest:
		case <-ticker.C:
		case <-life.C:
			return expired
		case <-stream.ofAccount.Lost():
			return replaced
		case <-stream.replaced:
			return replaced
		case <-ctx.Done():
			return ended
		case <-done:
			return ended
		}
	}
}
