package voting_test

import (
	"cmp"
	"context"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

func TestCountersThatDifferFromTheirRowsAreFound(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		ana, beto := newID(), newID()
		song := b.publish(t, ana, "Canción", "Bogotá")
		b.vote(t, song, 3)
		b.vote(t, b.publish(t, beto, "Otra", "Cali"), 2)
		check := func() (found []voting.Miscount) {
			t.Helper()
			err := b.CheckCounters(t.Context(), func(m voting.Miscount) error {
				found = append(found, m)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		if found := check(); len(found) > 0 {
			t.Fatalf("found %+v", found)
		}
		for _, statement := range []string{
			`UPDATE voting_tallies SET votes = 4 WHERE votes = 3`,
			`UPDATE voting_contestants SET votes = 1, entries = 2 WHERE votes = 2`,
			`UPDATE voting_places SET entries = 5 WHERE city_folded = 'bogota' AND country_folded = '*'`,
			`DELETE FROM voting_places WHERE city_folded = 'cali' AND country_folded = 'colombia'`,
		} {
			if _, err := db.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		want := []voting.Miscount{
			{Counter: "votes of entry", ID: song, Counted: 4, Present: 3},
			{Counter: "votes of contestant", ID: beto, Counted: 1, Present: 2},
			{Counter: "entries of contestant", ID: beto, Counted: 2, Present: 1},
			{Counter: "entries of place", ID: "bogota / *", Counted: 5, Present: 1},
			{Counter: "entries of place", ID: "cali / colombia", Counted: 0, Present: 1},
			{Counter: "contestants of place", ID: "cali / colombia", Counted: 0, Present: 1},
		}
		got := check()
		slices.SortStableFunc(got[3:], func(a, b voting.Miscount) int { // a place follows no other
			return cmp.Or(-cmp.Compare(a.Counter, b.Counter), cmp.Compare(a.ID, b.ID))
		})
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("found (- want, + got):\n%s", diff)
		}
	})
}

// There are more entries than one batch has.
func TestEveryPublishedVideoIsListedOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		var want []string
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			want = nil
			for range 603 {
				entry := newEntry(newID(), "Canción", "Bogotá")
				if err := b.Publish(ctx, entry); err != nil {
					return err
				}
				want = append(want, entry.VideoID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = b.EachPublished(t.Context(), func(ids []string) error {
			outputs, err := b.Outputs(t.Context(), ids)
			for _, id := range ids {
				if outputs[id].PosterKey != "processed/"+id+"-1.jpg" {
					t.Errorf("the files of %s are %+v", id, outputs[id])
				}
			}
			got = append(got, ids...)
			return err
		})
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d ids (%v), want %d", len(got), err, len(want))
		}
	})
}
