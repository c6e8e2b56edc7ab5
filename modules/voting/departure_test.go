package voting_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// leave is what a deletion does.
func (b *bench) leave(t *testing.T, userID string) {
	t.Helper()
	if err := errors.Join(b.Leave(t.Context(), userID), b.MoveVotes(t.Context(), userID)); err != nil {
		t.Fatal(err)
	}
}

// castBy returns the states of a person's votes by video.
func (b *bench) castBy(t *testing.T, userID string) map[string]string {
	t.Helper()
	votes, err := b.VotesBy(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, v := range votes {
		states[v.VideoID] = v.State
	}
	return states
}

// Whoever leaves takes their entries and their votes along, and brings both back as if nothing had been.
func TestWhoeverLeavesTakesEntriesAndVotesAlong(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ctx := setup(t, db), t.Context()
		ana, luis, eva := newID(), newID(), newID()
		own, shown := b.publish(t, ana, "Cumbia", "Bogotá"), b.publish(t, luis, "Tango", "Cali")
		hidden, gone := b.publish(t, eva, "Vals", "Cali"), b.publish(t, eva, "Rap", "Cali")
		b.vote(t, own, 2)
		b.vote(t, shown, 1)
		for _, id := range []string{own, shown, hidden, gone} {
			if _, err := b.Vote(ctx, id, ana); err != nil {
				t.Fatal(err)
			}
		}
		must(t, true)(b.Hide(ctx, hidden))
		before, err := b.rankings(ctx, voting.Filter{}, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		b.wantShown(t, "before", 3, 3, 3)

		b.leave(t, ana)
		b.leave(t, ana) // and once more
		b.wantShown(t, "gone", 2, 2, 1)
		for id, state := range b.castBy(t, ana) {
			if state != "withdrawn" {
				t.Errorf("the vote for %s is %s", id, state)
			}
		}
		late := b.publish(t, ana, "Salsa", "Bogotá") // by a worker that was at it
		b.wantShown(t, "a late publication", 2, 2, 1)
		must(t, true)(b.Withdraw(ctx, gone))

		if err := errors.Join(b.Return(ctx, ana, true), b.MoveVotes(ctx, ana), b.MoveVotes(ctx, ana)); err != nil {
			t.Fatal(err)
		}
		b.wantShown(t, "back", 3, 2, 3)
		want := map[string]string{own: "counted", shown: "counted", hidden: "hidden"}
		if got := b.castBy(t, ana); len(got) != len(want) || got[own] != "counted" || got[shown] != "counted" ||
			got[hidden] != "hidden" {
			t.Errorf("the votes are %v, want %v", got, want)
		}
		must(t, true)(b.Show(ctx, hidden))
		after, err := b.rankings(ctx, voting.Filter{}, 0, 10)
		if err != nil || after.Ranks[0].UserID != before.Ranks[0].UserID {
			t.Errorf("the ranking was %+v and is %+v, %v", before.Ranks, after.Ranks, err)
		}
		if e, err := b.EntryOf(ctx, late); err != nil || e.UserID != ana {
			t.Errorf("the late entry is %+v, %v", e, err)
		}

		// Of whom something else hides the entries, only the votes come back.
		b.leave(t, ana)
		if err := errors.Join(b.Return(ctx, ana, false), b.MoveVotes(ctx, ana)); err != nil {
			t.Fatal(err)
		}
		b.wantShown(t, "suspended", 2, 2, 2)
	})
}

// An erasure leaves nothing of a person, and every counter right, however often it is begun.
func TestAnErasureLeavesNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ctx := setup(t, db), t.Context()
		ana, luis := newID(), newID()
		own, other := b.publish(t, ana, "Cumbia", "Bogotá"), b.publish(t, luis, "Tango", "Cali")
		b.vote(t, own, 3)
		taken := newID()
		for _, vote := range [][2]string{{own, ana}, {other, ana}, {other, luis}, {own, taken}} {
			if _, err := b.Vote(ctx, vote[0], vote[1]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Unvote(ctx, own, taken); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := b.EraseOwner(ctx, ana); err != nil {
				t.Fatal(err)
			}
		}
		b.wantShown(t, "erased", 1, 1, 1)
		for _, table := range []string{
			"voting_entries", "voting_hidden_entries", "voting_contestants", "voting_votes", "voting_hidden_votes",
			"voting_withdrawn_votes", "voting_departed_votes",
		} {
			var row struct{ N int }
			if err := db.Query(ctx, &row, `SELECT COUNT(*) AS n FROM `+table+` WHERE user_id = ?`, ana); err != nil {
				t.Fatal(err)
			}
			if row.N > 0 {
				t.Errorf("%s has %d rows of theirs", table, row.N)
			}
		}
		if got := b.castBy(t, taken); len(got) > 0 {
			t.Errorf("votes for what is erased are known: %v", got)
		}
	})
}

// While people vote, leave, return and are hidden, every commit has counters that equal the rows.
func TestCountersEqualRowsWhilePeopleLeave(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		people, videos := []string{newID(), newID(), newID()}, []string{}
		for _, p := range people {
			videos = append(videos, b.publish(t, p, "Cumbia", "Bogotá"), b.publish(t, p, "Tango", "Cali"))
		}
		var group sync.WaitGroup
		again := func(act func(n int) error) {
			group.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					if err := act(n); err != nil && ctx.Err() == nil && codeOf(err) == "internal" {
						t.Error(err)
						return
					}
				}
			})
		}
		for i, p := range people {
			again(func(n int) error { return errOf(b.Vote(ctx, videos[n%len(videos)], p)) })
			again(func(n int) error {
				if n%2 == 0 {
					return errors.Join(b.Leave(ctx, p), b.MoveVotes(ctx, p))
				}
				return errors.Join(b.Return(ctx, p, true), b.MoveVotes(ctx, p))
			})
			again(func(n int) error {
				if n%2 == 0 {
					return errOf(b.Hide(ctx, videos[2*i]))
				}
				return errOf(b.Show(ctx, videos[2*i]))
			})
		}
		again(func(int) error { return b.checkCounters(ctx) })
		group.Wait()
		for _, p := range people {
			if err := errors.Join(b.Return(t.Context(), p, true), b.MoveVotes(t.Context(), p)); err != nil {
				t.Error(err)
			}
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
