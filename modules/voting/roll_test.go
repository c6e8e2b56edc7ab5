package voting_test

import (
	"slices"
	"testing"
	"time"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// wantMixed waits until the mixed gallery of a place has just these entries.
func (b *bench) wantMixed(t *testing.T, when string, filter voting.Filter, want ...string) {
	t.Helper()
	slices.Sort(want)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := b.mixed(t, 7, filter, 10)
		if slices.Sort(got); slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: the mixed gallery is %v, want %v", when, got, want)
		}
	}
}

// A process that runs sees who goes, comes back or moves, also if the number of entries stays the same.
func TestTheMixedGalleryFollowsWhatChanges(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ctx := setup(t, db), t.Context()
		ana := newID()
		first, second := b.publish(t, ana, "Cumbia", "Cali"), b.publish(t, newID(), "Vals", "Cali")
		third := b.publish(t, newID(), "Tango", "Cali")
		cali := voting.Filter{City: "cali"}
		b.wantMixed(t, "before", cali, first, second, third)

		must(t, true)(b.Hide(ctx, second))
		b.wantMixed(t, "one is hidden", cali, first, third)
		must(t, true)(b.Hide(ctx, third))
		must(t, true)(b.Show(ctx, second))
		b.wantMixed(t, "another one is hidden", cali, first, second)
		turn, err := b.TurnOf(ctx, 7, first, "", nil)
		if err != nil || turn.Next != second {
			t.Errorf("the next one is %s, %v, want %s", turn.Next, err, second)
		}
		must(t, true)(b.Withdraw(ctx, second))
		fourth := b.publish(t, newID(), "Salsa", "Cali")
		b.wantMixed(t, "one is withdrawn and one published", cali, first, fourth)

		err = b.ChangeContestant(ctx, voting.Contestant{
			UserID: ana, PlayerName: "Ana", City: "Bogotá", Country: "Colombia",
		})
		if err != nil {
			t.Fatal(err)
		}
		b.wantMixed(t, "somebody moved", cali, fourth)
		b.wantMixed(t, "somebody moved here", voting.Filter{City: "Bogotá", Country: "colombia"}, first)
	})
}
