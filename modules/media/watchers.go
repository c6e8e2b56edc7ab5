package media

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// watchEvery is how often the watched videos are read; a job stores its progress once a second.
	watchEvery = 500 * time.Millisecond
	// watchBatch is how many videos one statement reads.
	watchBatch = 500
	// watchTimeout bounds one reading of all watched videos.
	watchTimeout = 10 * time.Second
)

// watchers are all who watch videos in this process. One goroutine reads the watched videos for all of them; it runs
// from the first watcher to the last.
type watchers struct {
	look func(ctx context.Context, ids []string) (map[string]snapshot, error) // without the videos that do not exist
	log  *slog.Logger

	mu      sync.Mutex
	byVideo map[string]map[*watcher]struct{}
	stop    func() // ends the goroutine and waits for it
}

func newWatchers(m *Module) *watchers {
	return &watchers{look: m.look, log: m.log, byVideo: map[string]map[*watcher]struct{}{}}
}

// watcher receives the latest state of a video whenever it has changed.
type watcher struct {
	latest chan snapshot // has room for one
	seen   string        // the id of the last state
}

// join begins to watch a video after the state first. The caller leaves.
func (ws *watchers) join(first snapshot) *watcher {
	w := &watcher{latest: make(chan snapshot, 1), seen: first.id()}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.byVideo[first.ID] == nil {
		ws.byVideo[first.ID] = map[*watcher]struct{}{}
	}
	ws.byVideo[first.ID][w] = struct{}{}
	if ws.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			ws.run(ctx)
		}()
		ws.stop = func() {
			cancel()
			<-done
		}
	}
	return w
}

// leave ends the watch. The last one to leave waits until the goroutine has ended.
func (ws *watchers) leave(id string, w *watcher) {
	ws.mu.Lock()
	delete(ws.byVideo[id], w)
	if len(ws.byVideo[id]) == 0 {
		delete(ws.byVideo, id)
	}
	stop := ws.stop
	if len(ws.byVideo) > 0 {
		stop = nil
	} else {
		ws.stop = nil
	}
	ws.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// run reads the watched videos until ctx ends. A reading that fails leaves the watchers with what they know.
func (ws *watchers) run(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := ws.refresh(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			ws.log.WarnContext(ctx, "the watched videos were not read", "error", err)
		}
		failing = err != nil
	}
}

func (ws *watchers) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	ws.mu.Lock()
	ids := slices.Collect(maps.Keys(ws.byVideo))
	ws.mu.Unlock()
	for batch := range slices.Chunk(ids, watchBatch) {
		found, err := ws.look(ctx, batch)
		if err != nil {
			return err
		}
		ws.tell(batch, found)
	}
	return nil
}

// tell tells the watchers of the videos what has changed.
func (ws *watchers) tell(ids []string, found map[string]snapshot) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, id := range ids {
		s, exists := found[id]
		if !exists {
			s = snapshot{Video: Video{ID: id}, Deleted: true}
		}
		for w := range ws.byVideo[id] {
			w.tell(s)
		}
	}
}

// tell replaces a state that the watcher has not received yet. Only one goroutine tells.
func (w *watcher) tell(s snapshot) {
	if s.id() == w.seen {
		return
	}
	w.seen = s.id()
	select {
	case <-w.latest:
	default:
	}
	w.latest <- s
}
