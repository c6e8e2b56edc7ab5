package voting_test

import (
	"errors"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

// A performer's place is the one that the rankings of city, country and all give them.
func TestAPerformerHasThePlacesOfTheRankings(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		var people []string
		for i, city := range []string{"Cali", "Bogotá", "Cali", "Lima", "cali", "Bogotá"} {
			id := newID()
			people = append(people, id)
			video := b.publish(t, id, "Song", city)
			b.vote(t, video, []int{3, 5, 3, 0, 4, 0}[i])
		}
		b.publish(t, people[0], "Another", "Cali")
		places := func(f voting.Filter) map[string]int {
			ranking, err := b.rankings(t.Context(), f, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			at := map[string]int{"": ranking.Total}
			for _, r := range ranking.Ranks {
				at[r.UserID] = r.Position
			}
			return at
		}
		all, country := places(voting.Filter{}), places(voting.Filter{Country: "Colombia"})
		for i, id := range people {
			p, err := b.PerformerOf(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			city := places(voting.Filter{City: p.City, Country: p.Country})
			got := [6]int{p.Position, p.Of, p.InCountry, p.OfCountry, p.InCity, p.OfCity}
			want := [6]int{all[id], all[""], country[id], country[""], city[id], city[""]}
			if got != want {
				t.Errorf("person %d has the places %v, want %v", i, got, want)
			}
		}
		first, err := b.PerformerOf(t.Context(), people[0])
		if err != nil || len(first.Entries) != 2 || first.Entries[0].Title != "Another" || first.Votes != 3 {
			t.Errorf("the first person has %+v, %v", first, err)
		}
	})
}

// Who has nothing published is nobody to the public.
func TestAPerformerWithoutAnEntryIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...))
	id := newID()
	video := b.publish(t, id, "Song", "Cali")
	if ok, err := b.Withdraw(t.Context(), video); err != nil || !ok {
		t.Fatal(ok, err)
	}
	for _, who := range []string{id, newID(), "", "no id"} {
		_, err := b.PerformerOf(t.Context(), who)
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.NotFound {
			t.Errorf("%q: %v, want not found", who, err)
		}
	}
}
