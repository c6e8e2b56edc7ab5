package voting

import "context"

// Contestant is whose entries they are, as the public sees them.
type Contestant struct {
	UserID, PlayerName, City, Country string
}

// ChangeContestant shows somebody's new profile on all their entries and in the ranking, in the transaction of ctx if
// it carries one. It changes nothing of somebody without entries.
func (m *Module) ChangeContestant(ctx context.Context, c Contestant) error {
	return m.store.changeContestant(ctx, c)
}

const (
	mostCities  = 50
	citiesAmong = 1000 // contestants, so that a list of suggestions costs little
)

// Cities suggests cities of a country: those from which most of its leading contestants come.
func (m *Module) Cities(ctx context.Context, country string) ([]string, error) {
	return m.store.citiesOf(ctx, country, citiesAmong, mostCities)
}
