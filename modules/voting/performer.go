package voting

import (
	"context"

	"github.com/google/uuid"
)

// Performer is a contestant with their published entries.
type Performer struct {
	Rank // with the position among all

	InCity, InCountry int // positions
	OfCity, OfCountry int // how many contestants there are
	Of                int
	Entries           []Entry // the latest first
}

// mostShown bounds how many entries of one performer are read.
const mostShown = 60

// PerformerOf returns a contestant who has a published entry. The error is errPerformerGone for one whose entries are
// all hidden.
func (m *Module) PerformerOf(ctx context.Context, userID string) (Performer, error) {
	if uuid.Validate(userID) != nil {
		return Performer{}, errNoPerformer
	}
	return m.store.performer(ctx, userID)
}
