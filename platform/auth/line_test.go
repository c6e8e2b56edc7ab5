package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"risingstars/platform/limit"
)

// crowded returns a line whose only slot is occupied.
func crowded(t *testing.T) *line {
	t.Helper()
	l := &line{slots: 1}
	if err := l.enter(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	return l
}

// wait joins the line, and returns a function that waits for the turn.
func wait(t *testing.T, l *line, client string) func() error {
	t.Helper()
	turn, err := l.join(client)
	if err != nil {
		t.Fatalf("%s finds no place: %v", client, err)
	}
	return func() error { return <-turn }
}

func TestClientsTakeTurns(t *testing.T) {
	t.Parallel()
	l := crowded(t)
	var (
		mu    sync.Mutex
		order []string
		group sync.WaitGroup
	)
	for _, client := range []string{"a", "a", "a", "b", "b", "c"} {
		turn := wait(t, l, client)
		group.Go(func() {
			if err := turn(); err != nil {
				t.Error(err)
			}
			mu.Lock()
			order = append(order, client)
			mu.Unlock()
			l.leave()
		})
	}
	l.leave()
	group.Wait()
	if want := []string{"a", "b", "c", "a", "b", "a"}; !slices.Equal(order, want) {
		t.Errorf("the turns are %v, want %v", order, want)
	}
	if l.inside != 0 || l.waiting != 0 || len(l.turns) != 0 {
		t.Errorf("%d inside, %d waiting, %d lines", l.inside, l.waiting, len(l.turns))
	}
}

// However many of a client wait, another client finds a place, and waits for one turn of each other client.
func TestABurstGivesPlacesToNewcomers(t *testing.T) {
	t.Parallel()
	l := crowded(t)
	var burst []func() error
	for range placesPerSlot {
		burst = append(burst, wait(t, l, "burst"))
	}
	if _, err := l.join("burst"); !errors.Is(err, limit.ErrBusy) {
		t.Errorf("one more of the burst: %v", err)
	}
	newcomer := wait(t, l, "newcomer")
	if err := burst[placesPerSlot-1](); !errors.Is(err, limit.ErrBusy) {
		t.Errorf("the last of the burst: %v", err)
	}
	l.leave() // the burst's turn
	if err := burst[0](); err != nil {
		t.Error(err)
	}
	l.leave()
	if err := newcomer(); err != nil {
		t.Error(err)
	}
}

// When every place is held by a client that has no more than its own, newcomers are refused.
func TestAFullLineRefusesNewcomers(t *testing.T) {
	t.Parallel()
	l := crowded(t)
	for i := range placesPerSlot {
		wait(t, l, fmt.Sprint("client ", i/ownPlaces))
	}
	if _, err := l.join("newcomer"); !errors.Is(err, limit.ErrBusy) {
		t.Errorf("a newcomer: %v", err)
	}
}

// Those who go away leave their place and no trace, even if they go as their turn comes.
func TestWhoGoesAwayLeavesTheLine(t *testing.T) {
	t.Parallel()
	l := &line{slots: 2}
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			if i%3 == 0 {
				go cancel()
			}
			defer cancel()
			switch err := l.enter(ctx, fmt.Sprint(i%20)); {
			case err == nil:
				l.leave()
			case !errors.Is(err, context.Canceled) && !errors.Is(err, limit.ErrBusy):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if l.inside != 0 || l.waiting != 0 || len(l.turns) != 0 {
		t.Errorf("%d inside, %d waiting, %d lines", l.inside, l.waiting, len(l.turns))
	}
}
