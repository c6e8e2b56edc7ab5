package voting

import (
	"context"
	"time"
)

// Rank is a contestant's place. Places count within the filter of the list that they are read from.
type Rank struct {
	Position int
	UserID   string
	Username string
	City     string
	Country  string
	Votes    int
}

// Ranking is one page of the order of all contestants with a published entry.
type Ranking struct {
	Ranks []Rank
	Total int
	AsOf  time.Time
}

// Rankings orders contestants by the votes over their published entries; of equals, the one whose last counting vote is
// older, as that one reached the number first; then by id. The order is total, so pages neither repeat nor drop a row.
func (m *Module) Rankings(ctx context.Context, filter Filter, offset, limit int) (Ranking, error) {
	asOf := time.Now().UTC()
	ranks, total, err := m.store.ranks(ctx, filter, offset, limit)
	return Ranking{Ranks: ranks, Total: total, AsOf: asOf}, err
}
