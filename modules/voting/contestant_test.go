package voting_test

import (
	"fmt"
	"sync"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// Whoever changes their profile again and again, while others vote for them, is listed and ranked by the last one
// alone, and keeps all votes.
func TestAContestantMoves(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		ana, ben := newID(), newID()
		videos := []string{
			b.publish(t, ana, "Uno", "Cali"), b.publish(t, ana, "Dos", "Cali"), b.publish(t, ben, "Tres", "Cali"),
		}
		move := func(id, name, city string) {
			err := b.ChangeContestant(t.Context(), voting.Contestant{
				UserID: id, PlayerName: name, City: city, Country: "España",
			})
			if err != nil {
				t.Error(err)
			}
		}
		var all sync.WaitGroup
		for _, id := range []string{ana, ben} {
			all.Go(func() {
				for n := range 10 {
					move(id, fmt.Sprint("Zoé ", n), fmt.Sprint("Villa ", n))
				}
			})
		}
		for _, video := range videos {
			all.Go(func() { b.vote(t, video, 10) })
		}
		all.Wait()
		move(ana, "Zoé Mora", "Bilbao")
		ranking, err := b.rankings(t.Context(), voting.Filter{City: "bilbao", Country: "espana"}, 0, 10)
		if err != nil || ranking.Total != 1 || ranking.Ranks[0].PlayerName != "Zoé Mora" ||
			ranking.Ranks[0].Votes != 20 {
			t.Errorf("the ranking is %+v, %v", ranking, err)
		}
		ranking, err = b.rankings(t.Context(), voting.Filter{City: "cali"}, 0, 10)
		if err != nil || ranking.Total != 0 {
			t.Errorf("the ranking of before is %+v, %v", ranking, err)
		}
		if found, err := b.search(t, "zoe mora bilbao"); err != nil || len(found) != 2 {
			t.Errorf("the search finds %v, %v", found, err)
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
		if cities, err := b.Cities(t.Context(), "España"); err != nil || len(cities) != 2 || cities[0] != "Bilbao" {
			t.Errorf("the cities are %v, %v", cities, err)
		}
		move(newID(), "Nobody", "Nowhere")
	})
}
