package voting_test

import (
	"slices"
	"testing"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// A person sees their own votes, the latest first, and no one else's; what is taken back is gone.
func TestAPersonSeesTheirOwnVotes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, ana := setup(t, db), newID()
		var ids []string
		for range 3 {
			ids = append(ids, b.publish(t, newID(), "Cumbia", "Cali"))
		}
		b.vote(t, ids[0], 2)
		for _, id := range ids {
			if _, err := b.Vote(t.Context(), id, ana); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Unvote(t.Context(), ids[1], ana); err != nil {
			t.Fatal(err)
		}
		voted, err := b.Voted(t.Context(), ana, ids)
		if err != nil || len(voted) != 2 || !voted[ids[0]] || !voted[ids[2]] {
			t.Errorf("her votes are for %v, %v", voted, err)
		}
		for name, voter := range map[string]string{"somebody else": newID(), "nobody": ""} {
			if voted, err := b.Voted(t.Context(), voter, ids); err != nil || len(voted) > 0 {
				t.Errorf("%s has voted for %v, %v", name, voted, err)
			}
		}
		entries, total, err := b.VotedFor(t.Context(), ana, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var listed []string
		for _, e := range entries {
			listed = append(listed, e.VideoID)
		}
		if want := []string{ids[2], ids[0]}; !slices.Equal(listed, want) || total != 2 || entries[1].Votes != 3 {
			t.Errorf("she has voted for %v (%d, %+v), want %v", listed, total, entries, want)
		}
		second, total, err := b.VotedFor(t.Context(), ana, 1, 1)
		if err != nil || total != 2 || len(second) != 1 || second[0].VideoID != ids[0] {
			t.Errorf("her second vote is for %+v of %d, %v", second, total, err)
		}
	})
}
