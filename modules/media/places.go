package media

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// maxPlace stands for itself and every later place in the queue.
	maxPlace = 1000
	// placesAge is how long the places hold once they have been read. Reading a very long queue takes longer; then they
	// hold ten times as long as that took, so that nobody who watches keeps the database busy.
	placesAge     = time.Second
	placesTimeout = 10 * time.Second
)

// places knows the places of the waiting videos. It reads the queue at most once a second, whoever asks.
type places struct {
	read func(ctx context.Context, limit int) ([]queuedVideo, error)

	reading chan struct{} // full while somebody reads, or looks up
	byID    map[string]int
	until   time.Time // when to read again
}

func newPlaces(s *store) *places { return &places{read: s.queued, reading: make(chan struct{}, 1)} }

// of returns the place of a waiting video, from 1 to maxPlace. Those who come later may still go first, if they have
// fewer jobs.
func (p *places) of(ctx context.Context, id string) (int, error) {
	select {
	case p.reading <- struct{}{}:
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for the places in the queue: %w", ctx.Err())
	}
	defer func() { <-p.reading }()
	if time.Now().After(p.until) {
		if err := p.refresh(ctx); err != nil {
			return 0, err
		}
	}
	if place, ok := p.byID[id]; ok {
		return place, nil
	}
	return min(len(p.byID)+1, maxPlace), nil // it came after the queue was read, or it is far behind
}

// refresh reads for all who wait, so that it does not end with the one who began it.
func (p *places) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), placesTimeout)
	defer cancel()
	began := time.Now()
	queue, err := p.read(ctx, maxPlace)
	if err != nil {
		return err
	}
	// The order in which the videos would be claimed if all jobs under way took as long as the queue lasts.
	slices.SortStableFunc(queue, func(a, b queuedVideo) int {
		return cmp.Or(cmp.Compare(a.UnderWay+a.Before, b.UnderWay+b.Before), cmp.Compare(a.Since, b.Since),
			cmp.Compare(a.ID, b.ID))
	})
	p.byID = make(map[string]int, len(queue))
	for i, v := range queue[:min(len(queue), maxPlace-1)] {
		p.byID[v.ID] = i + 1
	}
	p.until = time.Now().Add(max(placesAge, 10*time.Since(began)))
	return nil
}
