package voting_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

// code returns the code of a fault, and "" for nil.
func code(err error) string {
	var f *fault.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f):
		return f.Code
	default:
		return err.Error()
	}
}

func TestVoteCountsOncePerPerson(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		contestant, voter := newID(), newID()
		id := b.publish(t, contestant, "Song", "Cali")
		for _, step := range []struct {
			do    func(context.Context, string, string) (int, error)
			voter string
			total int
			code  string
		}{
			{b.Unvote, voter, 0, "not_voted"},
			{b.Vote, voter, 1, ""},
			{b.Vote, voter, 0, "already_voted"},
			{b.Vote, contestant, 2, ""},
			{b.Unvote, voter, 1, ""},
			{b.Unvote, voter, 0, "not_voted"},
			{b.Vote, voter, 2, ""},
		} {
			total, err := step.do(t.Context(), id, step.voter)
			if code(err) != step.code || err == nil && total != step.total {
				t.Fatalf("%d (%v), want %d, %q", total, err, step.total, step.code)
			}
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
		tallies, err := b.Tallies(t.Context(), []string{id, newID()})
		if err != nil || len(tallies) != 1 || tallies[id] != 2 {
			t.Errorf("tallies %v (%v), want 2 of the one that exists", tallies, err)
		}
	})
}

func TestVoteNeedsAPublishedEntry(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		for _, id := range []string{newID(), "", "1", "not-an-id", "00000000-0000-0000-0000-000000000000' OR 1=1 --"} {
			for name, do := range map[string]func(context.Context, string, string) (int, error){
				"vote": b.Vote, "unvote": b.Unvote,
			} {
				if _, err := do(t.Context(), id, newID()); code(err) != "not_found" {
					t.Errorf("%s on %q: %v", name, id, err)
				}
			}
			if _, err := b.EntryOf(t.Context(), id); code(err) != "not_found" {
				t.Errorf("entry %q: %v", id, err)
			}
		}
	})
}

func TestSelfVoteCanBeForbidden(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...))
	b.Module = build(t, b.db, voting.Options{SelfVotes: false})
	contestant := newID()
	id := b.publish(t, contestant, "Song", "Cali")
	if _, err := b.Vote(t.Context(), id, contestant); code(err) != "self_vote" {
		t.Errorf("a vote for oneself: %v", err)
	}
	if total, err := b.Vote(t.Context(), id, newID()); err != nil || total != 1 {
		t.Errorf("somebody else's vote: %d (%v)", total, err)
	}
}

// Many people vote and unvote at once, while the counters are compared with the rows again and again.
func TestCountersEqualTheRowsUnderContention(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, countersEqualTheRows)
}

func countersEqualTheRows(t *testing.T, db *database.DB) {
	const clients, steps, voters, contestants, entriesEach = 200, 5, 12, 3, 2
	b := setup(t, db)
	var entries, people []string
	for range contestants {
		contestant := newID()
		for range entriesEach {
			entries = append(entries, b.publish(t, contestant, "Song", "Cali"))
		}
	}
	for range voters {
		people = append(people, newID())
	}

	type pair struct{ entry, voter string }
	var (
		mu      sync.Mutex
		balance = map[pair]int{} // successful votes minus successful unvotes
		group   sync.WaitGroup
		looks   atomic.Int64
	)
	const enough = 3 // looks at the counters; voting goes on until there have been that many
	for range clients {
		group.Go(func() {
			for step := 0; step < steps || looks.Load() < enough; step++ {
				p := pair{entries[rand.IntN(len(entries))], people[rand.IntN(len(people))]}
				do, by, refusal := b.Vote, +1, "already_voted"
				if rand.IntN(3) == 0 {
					do, by, refusal = b.Unvote, -1, "not_voted"
				}
				_, err := do(t.Context(), p.entry, p.voter)
				switch code(err) {
				case "":
					mu.Lock()
					balance[p] += by
					mu.Unlock()
				case refusal:
				default:
					t.Errorf("change by %d: %v", by, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	for running := true; running; looks.Add(1) {
		select {
		case <-done:
			running = false
		default:
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Errorf("look %d: %v", looks.Load(), err)
			looks.Store(enough)
			break
		}
	}
	<-done

	sums := map[string]int{}
	for p, votes := range balance {
		if votes != 0 && votes != 1 {
			t.Errorf("one person has %d votes on one entry", votes)
		}
		sums[p.entry] += votes
	}
	tallies, err := b.Tallies(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range entries {
		if tallies[id] != sums[id] {
			t.Errorf("entry %s counts %d votes, want %d", id, tallies[id], sums[id])
		}
	}
}

// One person sends votes and withdrawals for one entry at the same time.
func TestAVoteKeepsItsFirstTimeUnderContention(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		id, voter := b.publish(t, newID(), "Song", "Cali"), newID()
		if _, err := b.Vote(t.Context(), id, voter); err != nil {
			t.Fatal(err)
		}
		castAt := func() (at []struct{ CreatedAt int64 }) {
			t.Helper()
			if err := db.Query(t.Context(), &at, "SELECT created_at FROM voting_votes"); err != nil {
				t.Fatal(err)
			}
			return at
		}
		want := castAt()
		var group sync.WaitGroup
		for i := range 16 {
			do := b.Vote
			if i%2 == 0 {
				do = b.Unvote
			}
			group.Go(func() {
				for range 25 {
					_, err := do(t.Context(), id, voter)
					if c := code(err); c != "" && c != "already_voted" && c != "not_voted" {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if _, err := b.Vote(t.Context(), id, voter); err != nil && code(err) != "already_voted" {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, castAt()); diff != "" {
			t.Errorf("the vote (- first, + now):\n%s", diff)
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Whichever comes first wins: a vote, which keeps the entry, or the withdrawal, after which nobody can vote.
func TestWithdrawDuringVotes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		const rounds, voters = 12, 6
		for range rounds {
			id := b.publish(t, newID(), "Song", "Cali")
			var (
				group     sync.WaitGroup
				withdrawn bool
				cast      = make([]bool, voters)
			)
			group.Go(func() {
				var err error
				if withdrawn, err = b.Withdraw(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
			for i := range voters {
				group.Go(func() {
					_, err := b.Vote(t.Context(), id, newID())
					if cast[i] = err == nil; !cast[i] && code(err) != "not_found" {
						t.Error(err)
					}
				})
			}
			group.Wait()
			votes := 0
			for _, ok := range cast {
				if ok {
					votes++
				}
			}
			if withdrawn != (votes == 0) {
				t.Fatalf("withdrawn %v with %d votes cast", withdrawn, votes)
			}
			if !withdrawn && votes != voters {
				t.Fatalf("the entry stayed, but accepted %d of %d votes", votes, voters)
			}
			if err := b.checkCounters(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
