package webhooks

import "sync"

// turnsAtOnce is to how many endpoints a process sends at a time.
const turnsAtOnce = 4

// turns are the endpoints that wait until a process sends to them, each once. It is safe for concurrent use.
type turns struct {
	mu      sync.Mutex
	waiting map[string]bool
	queue   chan string
}

func newTurns() *turns {
	return &turns{waiting: map[string]bool{}, queue: make(chan string, mostEndpoints)}
}

// add lets an endpoint wait, unless it does already, or too many do: the sweeper finds it again.
func (t *turns) add(endpointID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[endpointID] {
		return
	}
	select {
	case t.queue <- endpointID:
		t.waiting[endpointID] = true
	default:
	}
}

// begin is called for what comes out of the queue: from now on, the endpoint may wait again.
func (t *turns) begin(endpointID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, endpointID)
}
