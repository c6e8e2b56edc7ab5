package voting_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// Votes for many videos at once, most with one voter each, are counted one by one: each voter gets an own answer, and
// an entry that does not exist, a vote for oneself and a second vote fail alone. Contestants have several entries, so
// that batches lock the same rows; voters' names need quotes.
func TestVotesForManyVideosAtOnceGetTheirOwnAnswers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := &bench{Module: build(t, db, voting.Options{}), db: db}
		const contestants, each, voters = 6, 5, 12
		var videos []string
		owner := map[string]string{}
		for range contestants {
			id := newID()
			for range each {
				video := b.publish(t, id, "Song", "Cali")
				videos, owner[video] = append(videos, video), id
			}
		}
		var all sync.WaitGroup
		vote := func(name, want string, do func(context.Context, string, string) (int, error), video, voter string) {
			all.Go(func() {
				if _, err := do(t.Context(), video, voter); code(err) != want {
					t.Errorf("%s: %v, want %q", name, err, want)
				}
			})
		}
		for n := range voters {
			voter := fmt.Sprintf(`voter "%d" \ {x,y}`, n)
			for _, video := range videos {
				vote("a vote", "", b.Vote, video, voter)
			}
			vote("for no entry", "not_found", b.Vote, newID(), voter)
			vote("for oneself", "self_vote", b.Vote, videos[n], owner[videos[n]])
		}
		all.Wait()
		first := `voter "0" \ {x,y}`
		for _, video := range videos {
			vote("again", "already_voted", b.Vote, video, first)
			vote("back", "", b.Unvote, video, `voter "1" \ {x,y}`)
		}
		all.Wait()
		for _, video := range videos { // these come back with the time at which they were cast first
			vote("once more", "", b.Vote, video, `voter "1" \ {x,y}`)
		}
		all.Wait()
		tallies, err := b.Tallies(t.Context(), videos)
		if err != nil {
			t.Fatal(err)
		}
		for _, video := range videos {
			if tallies[video] != voters {
				t.Errorf("%d votes for a video, want %d", tallies[video], voters)
			}
		}
		err = b.CheckCounters(t.Context(), func(m voting.Miscount) error { return fmt.Errorf("%+v", m) })
		if err != nil {
			t.Error(err)
		}
		var late struct{ N int }
		err = db.Query(t.Context(), &late, `SELECT COUNT(*) AS n FROM voting_contestants c WHERE reached_at <>
			(SELECT MAX(v.created_at) FROM voting_votes v WHERE v.contestant_id = c.user_id)`)
		if err != nil || late.N > 0 {
			t.Errorf("%d contestants have the time of no vote (%v)", late.N, err)
		}
	})
}
