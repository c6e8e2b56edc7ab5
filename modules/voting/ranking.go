package voting

import (
	"context"
	"time"
)

// Rank is a contestant's place in a list. Positions count from 1 within the list's filter.
type Rank struct {
	Position   int
	UserID     string
	PlayerName string
	City       string
	Country    string
	Votes      int
}

// Ranking is one page of the contestants with a published entry, in order.
type Ranking struct {
	Ranks []Rank
	Total int   // on all pages
	Next  *Mark // nil on the last page
	AsOf  time.Time
}

// Rankings orders contestants by the votes for all their published entries. Among equals, the contestant whose latest
// counted vote was first cast earlier comes first, having reached the number first; then the smaller id. The order is
// total, so pages neither repeat nor drop a row.
func (m *Module) Rankings(ctx context.Context, filter Filter, window Window) (Ranking, error) {
	asOf := time.Now().UTC()
	ranking, err := m.store.ranks(ctx, filter, window)
	ranking.AsOf = asOf
	return ranking, err
}
