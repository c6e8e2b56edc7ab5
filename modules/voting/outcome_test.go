package voting_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// crowds are the ways in which votes share a transaction: with others for the same entry, or for other ones.
var crowds = map[string]func(t *testing.T, b *bench) (videos []string){
	"for one entry": func(t *testing.T, b *bench) (videos []string) {
		t.Helper()
		id := b.publish(t, newID(), "Song", "Cali")
		for range 30 {
			videos = append(videos, id)
		}
		return videos
	},
	"for many entries": func(t *testing.T, b *bench) (videos []string) {
		t.Helper()
		for range 30 {
			videos = append(videos, b.publish(t, newID(), "Song", "Cali"))
		}
		return videos
	},
}

// crowd has new voters vote for the videos at once, while nobody can, until a batch of them has been struck. It fails
// the test unless exactly those who are told so have voted.
func (b *bench) crowd(t *testing.T, videos []string, struck func(err error) bool) {
	t.Helper()
	counted := map[string]int{}
	for round, found := 0, false; !found; round++ {
		if round == 20 {
			t.Fatal("no batch was struck")
		}
		outcomes := make([]outcome, len(videos))
		var begun, ended sync.WaitGroup
		err := b.db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := b.db.Exec(ctx, `UPDATE voting_contestants SET entries = entries`)
			for i, video := range videos {
				begun.Add(1)
				ended.Go(func() {
					defer func() {
						if cause := recover(); cause != nil {
							outcomes[i].err = fmt.Errorf("panic: %v", cause)
						}
					}()
					begun.Done()
					outcomes[i].total, outcomes[i].err = b.Vote(t.Context(), video, newID())
				})
			}
			begun.Wait()
			return err
		})
		ended.Wait()
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range outcomes {
			switch {
			case o.err != nil:
				found = found || struck(o.err)
			case o.total == 0:
				t.Error("a vote that counts has the total 0")
			default:
				counted[videos[i]]++
			}
			if code(o.err) == "already_voted" {
				t.Error("somebody who has voted once has voted already")
			}
		}
	}
	tallies, err := b.Tallies(t.Context(), videos)
	if err != nil {
		t.Fatal(err)
	}
	for _, video := range videos {
		if tallies[video] != counted[video] {
			t.Errorf("%d votes are counted, and %d voters are told so", tallies[video], counted[video])
		}
	}
	if err := b.checkCounters(t.Context()); err != nil {
		t.Error(err)
	}
}

// The connection breaks whenever a transaction with several votes is committed. Cast again, alone, they would count.
func TestNoVoteIsCastAgainAfterACommitOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, publish := range crowds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, databasetest.OpenPostgreSQL(t, owners...))
			videos := publish(t, b)
			for _, statement := range []string{
				`
				CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					IF (SELECT COUNT(*) FROM voting_votes WHERE xmin = pg_current_xact_id()::xid) > 1 THEN
						PERFORM pg_terminate_backend(pg_backend_pid());
					END IF;
					RETURN NULL;
				END $$`, `
				CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON voting_votes DEFERRABLE INITIALLY DEFERRED
					FOR EACH ROW EXECUTE FUNCTION at_commit()`,
			} {
				if _, err := b.db.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			b.crowd(t, videos, func(err error) bool {
				if !errors.Is(err, database.ErrUnknownOutcome) {
					t.Errorf("a vote fails: %v", err)
				}
				return true
			})
		})
	}
}

// Whoever casts a batch panics after its votes are stored, and before they are committed.
func TestNoVoteCountsOfABatchThatPanicked(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, dialect database.Dialect, publish func(t *testing.T, b *bench) []string) {
		t.Helper()
		var panics atomic.Int32
		db := databasetest.OpenWatched(t, dialect, func(statement string) {
			if strings.Contains(statement, "INTO voting_votes") {
				panics.Add(1)
				panic("a mistake")
			}
		}, owners...)
		b := &bench{Module: build(t, db, voting.Options{}), db: db}
		b.crowd(t, publish(t, b), func(error) bool { return panics.Load() > 0 })
	}
	for name, publish := range crowds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, database.PostgreSQL, publish)
		})
	}
	t.Run("on SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, database.SQLite, crowds["for one entry"])
	})
}
