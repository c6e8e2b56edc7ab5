package voting_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

// codeOf returns the code of a fault, and "" for no error.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// shown returns how many entries the gallery has, who is ranked, and with how many votes the first is.
func (b *bench) shown(t *testing.T) (entries, contestants, votes int) {
	t.Helper()
	_, entries, err := b.gallery(t.Context(), voting.Filter{}, voting.Recent, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.rankings(t.Context(), voting.Filter{}, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Ranks) > 0 {
		votes = r.Ranks[0].Votes
	}
	if err := b.checkCounters(t.Context()); err != nil {
		t.Error(err)
	}
	return entries, r.Total, votes
}

func (b *bench) wantShown(t *testing.T, when string, entries, contestants, votes int) {
	t.Helper()
	e, c, v := b.shown(t)
	if e != entries || c != contestants || v != votes {
		t.Errorf("%s: %d entries, %d contestants, %d votes; want %d, %d, %d", when, e, c, v, entries, contestants,
			votes)
	}
}

// must fails the test unless the act did what it was to do.
func must[T comparable](t *testing.T, want T) func(T, error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
	}
}

func TestAHiddenEntryIsNowhereAndComesBackWithItsVotes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ctx := setup(t, db), t.Context()
		ana, luis := newID(), newID()
		first, second := b.publish(t, ana, "Cumbia", "Bogotá"), b.publish(t, ana, "Vals", "Bogotá")
		b.publish(t, luis, "Tango", "Cali")
		b.vote(t, first, 3)
		b.vote(t, second, 2)
		b.wantShown(t, "before", 3, 2, 5)
		voter := newID()

		must(t, true)(b.Hide(ctx, first))
		must(t, false)(b.Hide(ctx, first))
		b.wantShown(t, "one is hidden", 2, 2, 2)
		found, n, err := b.gallery(ctx, voting.Filter{Search: "cumbia"}, voting.Recent, 0, 10)
		if err != nil || n != 0 {
			t.Errorf("a search finds %v, %v", found, err)
		}
		for name, err := range map[string]error{
			"read": errOf(b.EntryOf(ctx, first)), "vote": errOf(b.Vote(ctx, first, voter)),
			"unvote": errOf(b.Unvote(ctx, first, voter)),
		} {
			if codeOf(err) != "withdrawn" || fault.From(err).Kind != fault.Gone {
				t.Errorf("%s: %v", name, err)
			}
		}
		tallies, err := b.Tallies(ctx, []string{first, second})
		if err != nil || tallies[first] != 3 || tallies[second] != 2 {
			t.Errorf("the owner reads the votes %v, %v", tallies, err)
		}
		if withdrawn, err := b.Withdraw(ctx, first); err != nil || withdrawn {
			t.Errorf("a hidden entry with votes is withdrawn: %v, %v", withdrawn, err)
		}
		must(t, true)(b.Hide(ctx, second))
		b.wantShown(t, "both are hidden", 1, 1, 0)

		must(t, true)(b.Show(ctx, second))
		must(t, false)(b.Show(ctx, second))
		b.wantShown(t, "one is back", 2, 2, 2)
		must(t, true)(b.Show(ctx, first))
		b.wantShown(t, "both are back", 3, 2, 5)
		must(t, 4)(b.Vote(ctx, first, voter))
		must(t, 3)(b.Unvote(ctx, first, voter))
		b.wantShown(t, "after a vote that was taken back", 3, 2, 5)
		if _, err := b.Hide(ctx, newID()); codeOf(err) != "not_found" {
			t.Errorf("hiding what does not exist: %v", err)
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

func TestAnAbsentOwnersEntriesAreHiddenEvenNewOnes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ctx := setup(t, db), t.Context()
		ana := newID()
		first, second := b.publish(t, ana, "Cumbia", "Bogotá"), b.publish(t, ana, "Vals", "Bogotá")
		b.vote(t, first, 2)
		must(t, true)(b.Hide(ctx, second)) // by a moderator, whatever happens to its owner

		must(t, 1)(b.HideOwner(ctx, ana))
		must(t, 0)(b.HideOwner(ctx, ana))
		third := b.publish(t, ana, "Bolero", "Bogotá")
		b.wantShown(t, "the owner is absent", 0, 0, 0)
		must(t, true)(b.Hide(ctx, third))
		must(t, true)(b.Show(ctx, third)) // as far as a moderator is concerned
		must(t, true)(b.Show(ctx, second))
		must(t, true)(b.Hide(ctx, second))
		b.wantShown(t, "a moderator shows one", 0, 0, 0)

		must(t, 2)(b.ShowOwner(ctx, ana))
		must(t, 0)(b.ShowOwner(ctx, ana))
		b.wantShown(t, "the owner is back", 2, 1, 2)
		hidden, err := b.HiddenAmong(ctx, []string{first, second, third})
		if err != nil || len(hidden) != 1 || !hidden[second] {
			t.Errorf("hidden are %v, %v", hidden, err)
		}
	})
}

// A clip that is made again stays hidden, with its new files.
func TestAHiddenEntryThatIsMadeAgainStaysHidden(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ctx := setup(t, db), t.Context()
		e := newEntry(newID(), "Cumbia", "Bogotá")
		if err := b.Publish(ctx, e); err != nil {
			t.Fatal(err)
		}
		b.vote(t, e.VideoID, 1)
		must(t, true)(b.Hide(ctx, e.VideoID))
		e.ProcessedKey = "processed/" + e.VideoID + "-2.mp4"
		if err := errors.Join(b.Publish(ctx, e), b.MarkMissing(ctx, e.VideoID, true)); err != nil {
			t.Fatal(err)
		}
		b.wantShown(t, "made again", 0, 0, 0)
		must(t, true)(b.Show(ctx, e.VideoID))
		b.wantShown(t, "shown", 1, 1, 1)
		got, err := b.EntryOf(ctx, e.VideoID)
		if err != nil || got.ProcessedKey != e.ProcessedKey || !got.FilesMissing || got.Votes != 1 {
			t.Errorf("the entry is %+v, %v", got, err)
		}
		outputs, err := b.Outputs(ctx, []string{e.VideoID})
		if err != nil || outputs[e.VideoID].ProcessedKey != e.ProcessedKey {
			t.Errorf("its files are %v, %v", outputs, err)
		}
	})
}

// Who takes a vote back while its entry is being hidden is told that it is no longer shown, not that they never voted.
func TestAVoteTakenBackWhileItsEntryIsHiddenIsWithdrawn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ctx, voter := setup(t, db), t.Context(), newID()
		id := b.publish(t, newID(), "Cumbia", "Bogotá")
		must(t, 1)(b.Vote(ctx, id, voter))
		done := make(chan error, 1)
		err := db.InTx(ctx, func(tx context.Context) error {
			if _, err := b.Hide(tx, id); err != nil {
				return err
			}
			go func() { done <- errOf(b.Unvote(ctx, id, voter)) }()
			for db.Dialect() != database.SQLite { // which has one writer: the vote is read afterwards
				var waiting struct{ N int }
				err := db.Query(ctx, &waiting, `
					SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database()
						AND wait_event_type = 'Lock' AND query LIKE '%DELETE FROM voting_votes%'`)
				if err != nil || waiting.N > 0 {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; codeOf(err) != "withdrawn" {
			t.Errorf("the vote is taken back: %v", err)
		}
	})
}

// Who votes while an entry is hidden and shown has either voted or been told; nothing is counted twice or lost.
func TestVotesWhileAnEntryIsHiddenAreCountedOnceOrRefused(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ctx := setup(t, db), t.Context()
		id := b.publish(t, newID(), "Cumbia", "Bogotá")
		other := b.publish(t, newID(), "Vals", "Bogotá")
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			cast  int
		)
		for range 8 {
			group.Go(func() {
				for range 15 {
					voter := newID()
					_, err := b.Vote(ctx, id, voter)
					_, otherErr := b.Vote(ctx, other, voter)
					switch code := codeOf(err); {
					case otherErr != nil:
						t.Error(otherErr)
					case err == nil:
						if _, err := b.Unvote(ctx, id, voter); err == nil {
							_, err = b.Vote(ctx, id, voter)
							if err != nil && codeOf(err) != "withdrawn" && codeOf(err) != "not_found" {
								t.Error(err)
							}
							if err != nil {
								continue
							}
						}
						mu.Lock()
						cast++
						mu.Unlock()
					case code != "withdrawn" && code != "not_found":
						t.Error(err)
					}
				}
			})
		}
		group.Go(func() {
			for range 10 {
				if _, err := b.Hide(ctx, id); err != nil {
					t.Error(err)
				}
				if _, err := b.Show(ctx, id); err != nil {
					t.Error(err)
				}
			}
		})
		group.Wait()
		tallies, err := b.Tallies(ctx, []string{id, other})
		if err != nil || tallies[id] != cast || tallies[other] != 8*15 {
			t.Errorf("the votes are %v, %v; want %d", tallies, err, cast)
		}
		if err := b.checkCounters(ctx); err != nil {
			t.Error(err)
		}
	})
}
