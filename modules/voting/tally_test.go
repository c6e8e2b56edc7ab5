package voting_test

import (
	"context"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// sizes returns the bytes that a table and all its indexes occupy.
func sizes(t *testing.T, db *database.DB) map[string]int64 {
	t.Helper()
	var rows []struct {
		Name  string
		Bytes int64
	}
	err := db.Query(t.Context(), &rows, `
		SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
		WHERE relkind = 'r' AND relname LIKE 'voting\_%' AND relname NOT LIKE '%goose%'`)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, row := range rows {
		found[row.Name] = row.Bytes
	}
	return found
}

// A vote writes its own row, its entry's tally and its contestant, and nothing that belongs to a search.
func TestManyVotesForOneEntryGrowNoOtherTable(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, owners...)
	b := setup(t, db)
	id := b.publish(t, newID(), "Song", "Cali")
	before := sizes(t, db)
	const votes, voters = 5000, 8
	var group sync.WaitGroup
	for range voters {
		group.Go(func() { b.vote(t, id, votes/voters) })
	}
	group.Wait()
	after := sizes(t, db)
	if after["voting_entries"] != before["voting_entries"] {
		t.Errorf("the entries grew from %d to %d bytes", before["voting_entries"], after["voting_entries"])
	}
	// The versions of one row, most of which share a page, and nothing in the indexes. How many are kept depends on who
	// waits for whom. If every vote changed the indexes, they would grow by some 2 MB.
	for _, table := range []string{"voting_tallies", "voting_contestants"} {
		if grown := after[table] - before[table]; grown > 600<<10 {
			t.Errorf("%s grew by %d bytes", table, grown)
		}
	}
	if after["voting_votes"] == before["voting_votes"] {
		t.Error("the votes themselves grew nothing, so the sizes are not those of the tables")
	}
	if err := b.checkCounters(t.Context()); err != nil {
		t.Error(err)
	}
}

// Whoever reads the list by votes sees all votes that were committed before, whoever has counted them.
func TestTheListByVotesHasEveryVote(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, other := setup(t, db), setup(t, db)
		first, second := b.publish(t, newID(), "First", "Cali"), b.publish(t, newID(), "Second", "Bogota")
		list := func(want ...int) {
			t.Helper()
			for _, from := range []*bench{b, other} {
				entries, total, err := from.gallery(t.Context(), voting.Filter{}, voting.MostVoted, 0, 10)
				if err != nil || total != 2 {
					t.Fatal(total, err)
				}
				got := []int{entries[0].Votes, entries[1].Votes}
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Fatalf("votes in the list (- want):\n%s", diff)
				}
				if leader := entries[0].VideoID; want[0] != want[1] && (leader == second) != (want[0] == 2) {
					t.Fatalf("the first is %s", leader)
				}
			}
			if err := b.checkCounters(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.vote(t, first, 1)
		list(1, 0)
		other.vote(t, second, 2)
		list(2, 1)
		fan := newID()
		for _, do := range []func(context.Context, string, string) (int, error){b.Vote, other.Unvote} {
			if _, err := do(t.Context(), second, fan); err != nil {
				t.Fatal(err)
			}
		}
		list(2, 1)
		filter := voting.Filter{City: "cali", Search: "fir"}
		filtered, total, err := b.gallery(t.Context(), filter, voting.MostVoted, 0, 10)
		if err != nil || total != 1 || len(filtered) != 1 || filtered[0].VideoID != first || filtered[0].Votes != 1 {
			t.Errorf("%+v, %d, %v", filtered, total, err)
		}
	})
}

// Processes of the version before may be at work until they have been replaced.
func TestVotesOfTheVersionBeforeAreCounted(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		contestant := newID()
		id := b.publish(t, contestant, "Song", "Cali")
		b.vote(t, id, 1)
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			for _, statement := range []string{
				`INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at)
					SELECT ?, 'an old fan', user_id, joined_at FROM voting_contestants`,
				`UPDATE voting_entries SET votes = votes + 1 WHERE video_id = ?`,
				`UPDATE voting_contestants SET votes = votes + 1 WHERE '' <> ?`,
			} {
				if _, err := db.Exec(ctx, statement, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if total, err := b.Vote(t.Context(), id, newID()); err != nil || total != 3 {
			t.Errorf("%d votes (%v), want 3", total, err)
		}
		if _, err := db.Exec(t.Context(), `DELETE FROM voting_entries WHERE video_id = ?`, id); err == nil {
			t.Error("an entry with votes was deleted")
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Each direction of the migration carries the votes over.
func TestVotesOutliveTheMigrationOfTheTallies(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		id := b.publish(t, newID(), "Song", "Cali")
		b.vote(t, id, 3)
		file := "0006_tallies.postgres.sql"
		if db.Dialect() == database.SQLite {
			file = "0007_tallies.sqlite.sql"
		}
		for reverted := ""; reverted != file; {
			latest, err := db.Latest(t.Context(), voting.Migrations())
			if err == nil {
				reverted = latest.File
				err = db.Revert(t.Context(), voting.Migrations(), reverted)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		var entry struct{ Votes int }
		err := db.Query(t.Context(), &entry, `SELECT votes FROM voting_entries WHERE video_id = ?`, id)
		if err != nil || entry.Votes != 3 {
			t.Errorf("%d votes after the way down (%v)", entry.Votes, err)
		}
		if err := db.Migrate(t.Context(), voting.Migrations()); err != nil {
			t.Fatal(err)
		}
		if total, err := b.Vote(t.Context(), id, newID()); err != nil || total != 4 {
			t.Errorf("%d votes (%v), want 4", total, err)
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
