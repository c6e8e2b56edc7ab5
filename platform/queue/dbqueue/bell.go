package dbqueue

import "sync"

// bell wakes all workers that wait in this process. Call rung first, then look for work, then wait for the channel, so
// that no ring in between is missed.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

// rung returns a channel that the next ring closes.
func (b *bell) rung() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}
