package identity

import (
	"context"
	"sync"
)

// mostProved bounds how many accounts a process remembers as proved.
const mostProved = 100_000

// proved remembers accounts that have proved their e-mail, which stays so: whoever changes it proves the new one first.
type proved struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

func (p *proved) has(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.ids[id]
	return ok
}

func (p *proved) add(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ids == nil || len(p.ids) >= mostProved {
		p.ids = map[string]struct{}{}
	}
	p.ids[id] = struct{}{}
}

// Verified reports whether the account has proved its e-mail. Of those that have, it asks the database once.
func (m *Module) Verified(ctx context.Context, userID string) (bool, error) {
	if m.proved.has(userID) {
		return true, nil
	}
	ok, err := m.store.verified(ctx, userID)
	if ok {
		m.proved.add(userID)
	}
	return ok, err
}
