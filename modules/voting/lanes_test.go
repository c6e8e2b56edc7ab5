package voting_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// occupy keeps the lane of a video busy until the returned function is called: a transaction holds the contestant, for
// which the first vote waits.
func (b *bench) occupy(t *testing.T, contestantID string) (free func()) {
	t.Helper()
	held, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- b.db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := b.db.Exec(ctx, `UPDATE voting_contestants SET entries = entries WHERE user_id = ?`, contestantID)
			close(held)
			<-release
			return err
		})
	}()
	<-held
	return func() {
		close(release)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

type outcome struct {
	total int
	err   error
}

// Votes that arrive while another one is cast are cast together, and each gets its own answer.
func TestVotesThatArriveTogetherGetTheirOwnAnswers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		b.Module = build(t, db, voting.Options{SelfVotes: false})
		contestant, early, twice := newID(), newID(), newID()
		id := b.publish(t, contestant, "Song", "Cali")
		if _, err := b.Vote(t.Context(), id, early); err != nil {
			t.Fatal(err)
		}
		free := b.occupy(t, contestant)
		const fresh = 300 // more than fit into one batch
		voters := []string{contestant, early, twice, twice}
		for range fresh {
			voters = append(voters, newID())
		}
		outcomes := make([]outcome, len(voters))
		left := newID()
		var group sync.WaitGroup
		for i, voter := range voters {
			group.Go(func() {
				total, err := b.Vote(t.Context(), id, voter)
				outcomes[i] = outcome{total, err}
			})
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := b.Vote(gone, id, left); !errors.Is(err, context.Canceled) {
			t.Errorf("whoever has gone: %v", err)
		}
		free()
		group.Wait()

		var totals []int
		refused := map[string]int{}
		for _, o := range outcomes {
			if o.err == nil {
				totals = append(totals, o.total)
			} else {
				refused[code(o.err)]++
			}
		}
		slices.Sort(totals)
		for i, total := range totals {
			if total != i+2 {
				t.Fatalf("the totals are not 2, 3, 4 …: %v", totals)
			}
		}
		if len(totals) != fresh+1 || refused["self_vote"] != 1 || refused["already_voted"] != 2 {
			t.Errorf("%d votes are new, and refused are %v", len(totals), refused)
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A vote that the database refuses takes none of its batch with it.
func TestAVoteThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		contestant := newID()
		id := b.publish(t, contestant, "Song", "Cali")
		poison := "poison"
		for _, statement := range map[database.Dialect][]string{
			database.SQLite: {`CREATE TRIGGER poisoned BEFORE INSERT ON voting_votes WHEN new.user_id = 'poison'
				BEGIN SELECT RAISE(ABORT, 'poison'); END`},
			database.PostgreSQL: {`ALTER TABLE voting_votes ADD CONSTRAINT poisoned CHECK (user_id <> 'poison')`},
		}[db.Dialect()] {
			if _, err := db.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		free := b.occupy(t, contestant)
		var group sync.WaitGroup
		for i := range 40 {
			voter := newID()
			if i == 20 {
				voter = poison
			}
			group.Go(func() {
				_, err := b.Vote(t.Context(), id, voter)
				if (err != nil) != (voter == poison) {
					t.Errorf("%s: %v", voter, err)
				}
			})
		}
		free()
		group.Wait()
		tallies, err := b.Tallies(t.Context(), []string{id})
		if err != nil || tallies[id] != 39 {
			t.Errorf("%d votes (%v)", tallies[id], err)
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Votes for an entry that is withdrawn while they wait are all refused.
func TestVotesThatWaitForAWithdrawnEntryAreRefused(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		contestant := newID()
		id := b.publish(t, contestant, "Song", "Cali")
		var group sync.WaitGroup
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			if withdrawn, err := b.Withdraw(ctx, id); err != nil || !withdrawn {
				t.Errorf("%v, %v", withdrawn, err)
			}
			for range 30 {
				group.Go(func() {
					if _, err := b.Vote(t.Context(), id, newID()); code(err) != "not_found" {
						t.Error(err)
					}
				})
			}
			return nil
		})
		group.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
