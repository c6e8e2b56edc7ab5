package limit

import (
	"context"
	"slices"
	"sync"
	"time"
)

// mostKeys is how many counters are kept in memory. An attacker who has more addresses than that can make this process
// forget some of the counters.
const mostKeys = 100_000

// memory counts in this process.
type memory struct {
	began time.Time // of the monotonic clock, which does not jump

	mu    sync.Mutex
	fulls map[string]time.Duration // by id: when the whole burst is available again, since began
	held  map[string]*holders      // by id
}

type holders struct {
	sum   int64
	holds []*Hold // the oldest first
}

func newMemory() *memory {
	return &memory{began: time.Now(), fulls: map[string]time.Duration{}, held: map[string]*holders{}}
}

// take is the generic cell rate algorithm (ITU-T I.371, virtual scheduling): each use moves the time at which the burst
// is whole again by one interval, and may move it no further than the burst's intervals from now.
func (m *memory) take(_ context.Context, id string, r Rate) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.began)
	next := max(now, m.fulls[id]) + r.interval()
	if wait := next - now - time.Duration(r.Burst)*r.interval(); wait > 0 {
		return wait, nil
	}
	if len(m.fulls) >= mostKeys {
		m.forget(now)
	}
	m.fulls[id] = next
	return 0, nil
}

// forget deletes the counters that count nothing any more and, if there are none, some others.
func (m *memory) forget(now time.Duration) {
	for id, full := range m.fulls {
		if full <= now {
			delete(m.fulls, id)
		}
	}
	for id := range m.fulls {
		if len(m.fulls) < mostKeys*9/10 {
			return
		}
		delete(m.fulls, id)
	}
}

func (m *memory) reset(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.fulls, id)
	return nil
}

func (m *memory) hold(_ context.Context, h *Hold, most int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.held[h.id]
	if all == nil {
		all = &holders{}
	}
	for h.newest && all.sum+h.n > most && len(all.holds) > 0 {
		oldest := all.holds[0]
		all.holds, all.sum = all.holds[1:], all.sum-oldest.n
		close(oldest.lost)
	}
	if all.sum+h.n > most {
		return false, nil
	}
	all.holds, all.sum = append(all.holds, h), all.sum+h.n
	m.held[h.id] = all
	return true, nil
}

func (m *memory) release(_ context.Context, h *Hold) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.held[h.id]
	if all == nil {
		return nil
	}
	if i := slices.Index(all.holds, h); i >= 0 {
		all.holds, all.sum = slices.Delete(all.holds, i, i+1), all.sum-h.n
	}
	if len(all.holds) == 0 {
		delete(m.held, h.id)
	}
	return nil
}
