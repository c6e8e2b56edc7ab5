package dbqueue

import "sync"

// bell wakes all who wait in this process. Take the channel first, then look for work, then wait:
// no ring between the two is missed.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

// rung is closed by the next ring.
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
