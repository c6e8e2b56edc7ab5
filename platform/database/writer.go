package database

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// writer lets one caller at a time write to SQLite, first come, first served. SQLite's own lock, with the busy timeout,
// keeps other processes apart.
type writer struct {
	mu      sync.Mutex
	busy    bool
	waiting []*waiter // the next one first
}

type waiter struct {
	turn  chan *shared // nil: the caller begins a transaction
	alone bool
}

// enter waits for the caller's turn. It returns the transaction that the caller joins, or nil, and never one for a
// caller that is alone. The caller ends its turn with pass.
func (w *writer) enter(ctx context.Context, alone bool) (*shared, error) {
	w.mu.Lock()
	if !w.busy {
		w.busy = true
		w.mu.Unlock()
		return nil, nil
	}
	me := &waiter{turn: make(chan *shared, 1), alone: alone}
	w.waiting = append(w.waiting, me)
	w.mu.Unlock()
	select {
	case s := <-me.turn:
		return s, nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.waiting, me); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
		return nil, fmt.Errorf("wait for the database's writer: %w", ctx.Err())
	}
	return <-me.turn, nil // the turn came at the same moment
}

// pass gives the next caller its turn, in the transaction s unless that is nil. It reports false, and does nothing, if
// s must be committed first.
func (w *writer) pass(s *shared) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s != nil && (len(w.waiting) == 0 || w.waiting[0].alone || s.isFull()) {
		return false
	}
	if len(w.waiting) == 0 {
		w.busy = false
		return true
	}
	next := w.waiting[0]
	w.waiting = w.waiting[1:]
	next.turn <- s
	return true
}
