package voting_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// BenchmarkVotesForOneEntry measures the votes of 64 people at once for the same entry, beside the plainest way to
// count them: one insert and one update, with a commit for each vote.
func BenchmarkVotesForOneEntry(b *testing.B) {
	for name, open := range map[string]func(testing.TB, ...database.Migrations) *database.DB{
		"SQLite": databasetest.Open, "PostgreSQL": databasetest.OpenPostgreSQL,
	} {
		b.Run(name, func(b *testing.B) {
			m := setup(b, open(b, owners...))
			id := m.publish(b, newID(), "Song", "Cali")
			var votes atomic.Int64
			atOnce(b, func(ctx context.Context) error {
				votes.Add(1)
				_, err := m.Vote(ctx, id, newID())
				return err
			})
			tallies, err := m.Tallies(b.Context(), []string{id})
			if err != nil || int64(tallies[id]) != votes.Load() {
				b.Fatalf("%d votes counted (%v), %d cast", tallies[id], err, votes.Load())
			}
		})
		b.Run(name+"Plain", func(b *testing.B) {
			db := open(b, owners...)
			for _, statement := range []string{
				`CREATE TABLE plain_entries (id TEXT PRIMARY KEY, votes BIGINT NOT NULL)`,
				`CREATE TABLE plain_votes (entry TEXT, voter TEXT, at BIGINT NOT NULL, PRIMARY KEY (entry, voter))`,
				`INSERT INTO plain_entries VALUES ('song', 0)`,
			} {
				if _, err := db.Exec(b.Context(), statement); err != nil {
					b.Fatal(err)
				}
			}
			var one sync.Mutex // SQLite would share commits
			atOnce(b, func(ctx context.Context) error {
				if db.Dialect() == database.SQLite {
					one.Lock()
					defer one.Unlock()
				}
				return db.InTx(ctx, func(ctx context.Context) error {
					_, err := db.Exec(ctx, `INSERT INTO plain_votes VALUES ('song', ?, 1)`, newID())
					if err == nil {
						_, err = db.Exec(ctx, `UPDATE plain_entries SET votes = votes + 1 WHERE id = 'song'`)
					}
					return err
				})
			})
		})
	}
}

// atOnce measures one of 64 calls at once.
func atOnce(b *testing.B, call func(context.Context) error) {
	b.Helper()
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(b.Context()); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
}

// BenchmarkPages measures lists of 100,000 contestants with one entry each.
func BenchmarkPages(b *testing.B) {
	m := setup(b, databasetest.Open(b, owners...))
	crowd(b, m.db, 100_000)
	city := voting.Filter{City: "City 7"}
	gallery := func(filter voting.Filter, order voting.Order, offset int) func() (int, error) {
		return func() (int, error) {
			page, _, err := m.gallery(b.Context(), filter, order, offset, 20)
			return len(page), err
		}
	}
	ranking := func(filter voting.Filter, offset int) func() (int, error) {
		return func() (int, error) {
			page, err := m.rankings(b.Context(), filter, offset, 20)
			return len(page.Ranks), err
		}
	}
	for _, list := range []struct {
		name string
		page func() (int, error)
	}{
		{"RankingFirst", ranking(voting.Filter{}, 0)},
		{"RankingCity", ranking(city, 0)},
		{"RankingLast", ranking(voting.Filter{}, 100_000-20)},
		{"GalleryFirst", gallery(voting.Filter{}, voting.Recent, 0)},
		{"GalleryMostVoted", gallery(voting.Filter{}, voting.MostVoted, 0)},
		{"GalleryCity", gallery(city, voting.Recent, 0)},
		{"GallerySearch", gallery(voting.Filter{Search: "song 4242"}, voting.Recent, 0)},
		{"GallerySearchAll", gallery(voting.Filter{Search: "song player city 42 24"}, voting.Recent, 0)},
	} {
		b.Run(list.name, func(b *testing.B) {
			for b.Loop() {
				if rows, err := list.page(); err != nil || rows == 0 {
					b.Fatalf("%d rows (%v)", rows, err)
				}
			}
		})
	}
}
