package auth

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"risingstars/platform/limit"
)

const (
	placesPerSlot = 32              // how many wait for each slot: a class of sixty at once finds places
	ownPlaces     = 2               // how many of them a client has for itself
	longestWait   = 5 * time.Second // until a slot is free
)

// line lets callers in, a few at once. Those who wait stand in one line per client, and the lines take turns, so that
// nobody waits for the burst of another client. If all places are occupied, the client with the most of them gives one
// to a client that has fewer than ownPlaces.
type line struct {
	slots int

	mu      sync.Mutex
	inside  int
	waiting int
	turns   []*clientLine // the next client first; each has somebody who waits
}

type clientLine struct {
	client  string
	waiters []chan error // the next one first
}

// enter waits for a slot, which leave gives back. Whoever finds no place, or waits for longer than longestWait, gets
// limit.ErrBusy.
func (l *line) enter(ctx context.Context, client string) error {
	turn, err := l.join(client)
	if turn == nil || err != nil {
		return err
	}
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	select {
	case err := <-turn:
		return err
	case <-timer.C:
		err = errWaitedTooLong
	case <-ctx.Done():
		err = fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
	if l.quit(client, turn) {
		return err
	}
	if err := <-turn; err != nil { // it was sent at the same moment
		return err
	}
	l.leave()
	return err
}

var errWaitedTooLong = limit.ErrBusy.WithRetryAfter(int(longestWait.Seconds()))

// join returns nil if there is a free slot, or the channel that tells when there is one.
func (l *line) join(client string) (chan error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside < l.slots && l.waiting == 0 {
		l.inside++
		return nil, nil
	}
	own := l.lineOf(client)
	if l.waiting >= placesPerSlot*l.slots {
		longest := slices.MaxFunc(l.turns, func(a, b *clientLine) int { return len(a.waiters) - len(b.waiters) })
		if own != nil && len(own.waiters) >= ownPlaces || len(longest.waiters) <= ownPlaces {
			return nil, errWaitedTooLong
		}
		last := len(longest.waiters) - 1
		longest.waiters[last] <- errWaitedTooLong
		longest.waiters = longest.waiters[:last]
		l.waiting--
	}
	if own == nil {
		own = &clientLine{client: client}
		l.turns = append(l.turns, own)
	}
	turn := make(chan error, 1)
	own.waiters = append(own.waiters, turn)
	l.waiting++
	return turn, nil
}

func (l *line) lineOf(client string) *clientLine {
	for _, own := range l.turns {
		if own.client == client {
			return own
		}
	}
	return nil
}

// leave lets the next client's next caller in.
func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == 0 {
		l.inside--
		return
	}
	next := l.turns[0]
	l.turns = l.turns[1:]
	next.waiters[0] <- nil
	l.waiting--
	if next.waiters = next.waiters[1:]; len(next.waiters) > 0 {
		l.turns = append(l.turns, next)
	}
}

// quit takes a caller out of its line. It reports false if the caller's turn has come already.
func (l *line) quit(client string, turn chan error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.lineOf(client)
	if own == nil {
		return false
	}
	i := slices.Index(own.waiters, turn)
	if i < 0 {
		return false
	}
	own.waiters = slices.Delete(own.waiters, i, i+1)
	l.waiting--
	if len(own.waiters) == 0 {
		l.turns = slices.DeleteFunc(l.turns, func(c *clientLine) bool { return c == own })
	}
	return true
}
