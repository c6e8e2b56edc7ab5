package media

import (
	"context"
	"sync"

	"risingstars/platform/limit"
)

// streams are the open event streams of this process: one per account and video, and a few per account in all.
type streams struct {
	mu   sync.Mutex
	open map[string]*eventStream // by account and video
}

// eventStream is the permission to watch a video until a newer stream replaces it.
type eventStream struct {
	replaced chan struct{} // closed by a newer stream of the same account and video

	mu        sync.Mutex
	ofAccount *limit.Hold // nil until counted
	over      bool
}

// beginStream counts a stream of the video by its owner. It ends an older stream of the same video, or else the oldest
// of the account if that has too many. The caller calls end.
func (m *Module) beginStream(ctx context.Context, v Video) (stream *eventStream, end func(), err error) {
	key := v.OwnerID + " " + v.ID
	stream = &eventStream{replaced: make(chan struct{})}
	ss := m.streams
	ss.mu.Lock()
	older := ss.open[key]
	ss.open[key] = stream
	ss.mu.Unlock()
	if older != nil {
		older.finish()
		close(older.replaced)
	}
	end = func() {
		ss.mu.Lock()
		if ss.open[key] == stream {
			delete(ss.open, key)
		}
		ss.mu.Unlock()
		stream.finish()
	}
	hold, err := m.limits.Hold(ctx, accountStreams, v.OwnerID)
	if err != nil {
		end()
		return nil, nil, err
	}
	stream.count(hold)
	return stream, end, nil
}

func (s *eventStream) count(hold *limit.Hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ofAccount = hold
	if s.over {
		hold.Release()
	}
}

// finish makes room for other streams of the account.
func (s *eventStream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.ofAccount != nil {
		s.ofAccount.Release()
	}
}
