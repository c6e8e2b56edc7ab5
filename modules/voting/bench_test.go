package voting_test

import (
	"sync/atomic"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// BenchmarkVoteUnderContention measures one new vote while others vote for the same entry.
func BenchmarkVoteUnderContention(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { votesForOne(b, databasetest.Open(b, owners...)) })
	b.Run("PostgreSQL", func(b *testing.B) { votesForOne(b, databasetest.OpenPostgreSQL(b, owners...)) })
}

func votesForOne(b *testing.B, db *database.DB) {
	b.Helper()
	m := setup(b, db)
	id := m.publish(b, newID(), "Song", "Cali")
	var votes atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := m.Vote(b.Context(), id, newID()); err != nil {
				b.Error(err)
				return
			}
			votes.Add(1)
		}
	})
	b.StopTimer()
	tallies, err := m.Tallies(b.Context(), []string{id})
	if err != nil || int64(tallies[id]) != votes.Load() {
		b.Fatalf("%d votes counted (%v), %d cast", tallies[id], err, votes.Load())
	}
}

// BenchmarkPages measures lists of 100,000 contestants with one entry each.
func BenchmarkPages(b *testing.B) {
	m := setup(b, databasetest.Open(b, owners...))
	crowd(b, m.db, 100_000)
	city := voting.Filter{City: "City 7"}
	gallery := func(filter voting.Filter, order voting.Order, offset int) func() (int, error) {
		return func() (int, error) {
			page, _, err := m.Gallery(b.Context(), filter, order, offset, 20)
			return len(page), err
		}
	}
	ranking := func(filter voting.Filter, offset int) func() (int, error) {
		return func() (int, error) {
			page, err := m.Rankings(b.Context(), filter, offset, 20)
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
