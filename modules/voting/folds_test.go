package voting_test

import (
	"context"
	"sync"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/text"
)

// fillsBehind returns the number of rows that the module's fills have not brought up to date.
func (b *bench) fillsBehind(t *testing.T) int {
	t.Helper()
	status, err := b.db.FillStatus(t.Context(), owners...)
	if err != nil || len(status) == 0 {
		t.Fatalf("the status of the fills is %v (%v)", status, err)
	}
	behind := 0
	for _, s := range status {
		behind += s.Behind
	}
	return behind
}

// spoil writes folded texts as a binary with another folding does. Nothing can be found by them.
func (b *bench) spoil(t *testing.T, version int) {
	t.Helper()
	_, err := b.db.Exec(t.Context(), `
		UPDATE voting_entries
		SET city_folded = 'x', country_folded = 'x', search_text = 'x', fold_version = ?`, version)
	if err == nil {
		_, err = b.db.Exec(t.Context(), `UPDATE voting_contestants SET city_folded = 'x', country_folded = 'x'`)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkFindable reports each list that does not have n rows of Łódź in Polska.
func (b *bench) checkFindable(t *testing.T, n int) {
	t.Helper()
	place := voting.Filter{City: "LODZ", Country: "polska."}
	ranking, err := b.rankings(t.Context(), place, 0, 1)
	if err != nil || ranking.Total != n {
		t.Errorf("%d contestants found (%v), want %d", ranking.Total, err, n)
	}
	place.Search = "lodz piesn"
	if _, total, err := b.gallery(t.Context(), place, voting.Recent, 0, 1); err != nil || total != n {
		t.Errorf("%d entries found (%v), want %d", total, err, n)
	}
}

func (b *bench) publishInLodz(t *testing.T, n int) (videoIDs []string) {
	t.Helper()
	err := b.db.InTx(t.Context(), func(ctx context.Context) error {
		for range n {
			entry := newEntry(newID(), "Pieśń", "Łódź")
			entry.Country = "Polska"
			if err := b.Publish(ctx, entry); err != nil {
				return err
			}
			videoIDs = append(videoIDs, entry.VideoID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return videoIDs
}

// Several processes fold again at the same time, while people vote.
func TestWhatAnOlderBinaryFoldedIsFoldedAgain(t *testing.T) {
	t.Parallel()
	const entries = 450 // more than two batches
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		videos := b.publishInLodz(t, entries)
		for _, version := range []int{0, text.FoldVersion} {
			b.spoil(t, version)
			b.checkFindable(t, 0)
			if behind := b.fillsBehind(t); behind != entries {
				t.Errorf("%d rows are behind, want %d", behind, entries)
			}
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					if err := db.Fill(t.Context(), owners...); err != nil {
						t.Error(err)
					}
				})
			}
			for _, id := range videos[:50] {
				group.Go(func() {
					if _, err := b.Vote(t.Context(), id, newID()); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			b.checkFindable(t, entries)
			if behind := b.fillsBehind(t); behind != 0 {
				t.Errorf("%d rows are still behind", behind)
			}
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// An old binary that runs beside the new one publishes another video of a contestant, who has moved.
func TestAnEntryOfAnOldBinaryBringsItsContestantUpToDate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		contestant := newID()
		b.publish(t, contestant, "Song", "Łódź")
		id := newID()
		for _, statement := range []string{
			`INSERT INTO voting_entries (video_id, user_id, player_name, city, city_folded, country, country_folded,
				title, description, search_text, processed_key, poster_key, duration_ms, uploaded_at, published_at)
			VALUES ('` + id + `', '` + contestant + `', 'Ana', 'Gdańsk.', 'gdansk.', 'Polska', 'polska', 'Pieśń', '',
				'piesn ana gdansk.', 'v', 'p', 1, 1, 1)`,
			`UPDATE voting_contestants SET city = 'Gdańsk.', city_folded = 'gdansk.', entries = entries + 1`,
		} {
			if _, err := db.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if behind := b.fillsBehind(t); behind != 1 {
			t.Fatalf("%d rows are behind, want 1", behind)
		}
		if err := db.Migrate(t.Context(), owners...); err != nil {
			t.Fatal(err)
		}
		ranking, err := b.rankings(t.Context(), voting.Filter{City: "Gdansk"}, 0, 10)
		if err != nil || ranking.Total != 1 {
			t.Errorf("the ranking is %+v (%v)", ranking, err)
		}
		if found := titles(t, b, voting.Filter{City: "gdańsk", Search: "piesn"}, voting.Recent, 5); len(found) != 1 {
			t.Errorf("the gallery has %v", found)
		}
	})
}

// A country is one place, whatever language or code names it. A word of one's own is a place, too.
func TestACountryIsOneWhateverNamesIt(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		for _, country := range []string{"España", "Spain", "es", "ESP", "Macondo"} {
			entry := newEntry(newID(), "Coplas", "Cádiz")
			entry.Country = country
			if err := b.Publish(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
		}
		for country, want := range map[string]int{"Spain": 4, "españa": 4, "ES": 4, "macondo": 1, "": 5, "Peru": 0} {
			f := voting.Filter{Country: country}
			ranking, err := b.rankings(t.Context(), f, 0, 10)
			if err != nil || ranking.Total != want {
				t.Errorf("the ranking of %q has %d (%v), want %d", country, ranking.Total, err, want)
			}
			if _, total, err := b.gallery(t.Context(), f, voting.Recent, 0, 10); err != nil || total != want {
				t.Errorf("the gallery of %q has %d (%v), want %d", country, total, err, want)
			}
			if mixed, err := b.Mixed(t.Context(), 1, f, voting.Window{Limit: 10}); err != nil || mixed.Total != want {
				t.Errorf("the mix of %q has %d (%v), want %d", country, mixed.Total, err, want)
			}
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
