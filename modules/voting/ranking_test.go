package voting_test

import (
	"cmp"
	"flag"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// TestMain keeps the property tests quick; run more checks with -rapid.checks.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// model is the ranking as the contract defines it, computed from the whole history.
type model struct {
	clock       int
	contestants map[string]*contestant
	entries     map[string]*entry // by video
}

type contestant struct {
	id, name, city, place string // place is the city's fold
	joined                int
}

type entry struct {
	owner string
	votes map[string]int // when each voter's vote was first cast
	first map[string]int // the same, also for votes that were taken back
}

func (m *model) now() int { m.clock++; return m.clock }

// ranks orders the contestants of a place; "" means everywhere.
func (m *model) ranks(place string) []voting.Rank {
	type standing struct {
		*contestant
		votes, reached int
	}
	var standings []standing
	for _, c := range m.contestants {
		if place != "" && place != c.place {
			continue
		}
		s := standing{contestant: c, reached: c.joined}
		for _, e := range m.entries {
			if e.owner != c.id {
				continue
			}
			for _, at := range e.votes {
				s.votes++
				s.reached = max(s.reached, at)
			}
		}
		standings = append(standings, s)
	}
	slices.SortFunc(standings, func(a, b standing) int {
		return cmp.Or(cmp.Compare(b.votes, a.votes), cmp.Compare(a.reached, b.reached), cmp.Compare(a.id, b.id))
	})
	var ranks []voting.Rank
	for i, s := range standings {
		ranks = append(ranks, voting.Rank{
			Position: i + 1, UserID: s.id, PlayerName: s.name, City: s.city, Country: "Colombia", Votes: s.votes,
		})
	}
	return ranks
}

// spellings has different ways to write the same places.
var spellings = map[string][]string{
	"bogota":   {"Bogotá", "BOGOTÁ", "bogota", " Bogota\u0301 ", "Bogotá.", "Ｂｏｇｏｔá", "Bogotá\u200b"},
	"medellin": {"Medellín", "medellin", "MEDELLIN"},
	"san jose": {"San José", "san  jose", "SAN-JOSÉ"},
}

// drive lets people publish, vote, unvote and withdraw in any order, and compares after each step.
type drive struct {
	*bench
	m              *model
	people, voters []string
}

func (d *drive) video(rt *rapid.T) string {
	ids := make([]string, 0, len(d.m.entries))
	for id := range d.m.entries {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		rt.Skip("nothing is published")
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(rt, "video")
}

func (d *drive) publishOne(rt *rapid.T) {
	owner := rapid.SampledFrom(d.people).Draw(rt, "owner")
	place := rapid.SampledFrom([]string{"bogota", "medellin", "san jose"}).Draw(rt, "place")
	e := newEntry(owner, "Song", rapid.SampledFrom(spellings[place]).Draw(rt, "city"))
	if err := d.Publish(rt.Context(), e); err != nil {
		rt.Fatal(err)
	}
	c := d.m.contestants[owner]
	if c == nil {
		c = &contestant{id: owner, joined: d.m.now()}
		d.m.contestants[owner] = c
	}
	c.name, c.city, c.place = e.PlayerName, e.City, place // the latest profile is shown
	d.m.entries[e.VideoID] = &entry{owner: owner, votes: map[string]int{}, first: map[string]int{}}
}

func (d *drive) voteOne(rt *rapid.T) {
	id, voter := d.video(rt), rapid.SampledFrom(d.voters).Draw(rt, "voter")
	votes, want := d.m.entries[id].votes, ""
	if votes[voter] > 0 {
		want = "already_voted"
	} else {
		first := d.m.entries[id].first
		if first[voter] == 0 {
			first[voter] = d.m.now()
		}
		votes[voter] = first[voter]
	}
	if total, err := d.Vote(rt.Context(), id, voter); code(err) != want || err == nil && total != len(votes) {
		rt.Fatalf("vote: %d (%v), want %d, %q", total, err, len(votes), want)
	}
}

func (d *drive) unvoteOne(rt *rapid.T) {
	id, voter := d.video(rt), rapid.SampledFrom(d.voters).Draw(rt, "voter")
	votes, want := d.m.entries[id].votes, ""
	if votes[voter] == 0 {
		want = "not_voted"
	}
	delete(votes, voter)
	if total, err := d.Unvote(rt.Context(), id, voter); code(err) != want || err == nil && total != len(votes) {
		rt.Fatalf("unvote: %d (%v), want %d, %q", total, err, len(votes), want)
	}
}

func (d *drive) withdrawOne(rt *rapid.T) {
	id := d.video(rt)
	e := d.m.entries[id]
	withdrawn, err := d.Withdraw(rt.Context(), id)
	if err != nil || withdrawn != (len(e.votes) == 0) {
		rt.Fatalf("withdrawn %v (%v) with %d votes", withdrawn, err, len(e.votes))
	}
	if !withdrawn {
		return
	}
	delete(d.m.entries, id)
	for _, other := range d.m.entries {
		if other.owner == e.owner {
			return
		}
	}
	delete(d.m.contestants, e.owner)
}

func (d *drive) compare(rt *rapid.T) {
	place := rapid.SampledFrom([]string{"", "bogota", "medellin", "san jose"}).Draw(rt, "filter")
	filter := voting.Filter{}
	if place != "" {
		filter.City = rapid.SampledFrom(spellings[place]).Draw(rt, "spelling")
	}
	size := rapid.IntRange(1, 4).Draw(rt, "size")
	want := d.m.ranks(place)
	var got []voting.Rank
	for offset := 0; offset <= len(want); offset += size {
		page, err := d.rankings(rt.Context(), filter, offset, size)
		if err != nil || page.Total != len(want) || len(page.Ranks) > size {
			rt.Fatalf("page at %d: %d ranks of %d (%v), want at most %d of %d",
				offset, len(page.Ranks), page.Total, err, size, len(want))
		}
		got = append(got, page.Ranks...)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		rt.Fatalf("the ranking of %q in pages of %d (- want, + got):\n%s", filter.City, size, diff)
	}
}

func TestRankingAgreesWithTheHistory(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		rapid.Check(t, func(rt *rapid.T) {
			for _, table := range []string{
				"voting_votes", "voting_withdrawn_votes", "voting_entries", "voting_contestants",
			} {
				if _, err := db.Exec(rt.Context(), "DELETE FROM "+table); err != nil {
					rt.Fatal(err)
				}
			}
			d := &drive{bench: b, m: &model{contestants: map[string]*contestant{}, entries: map[string]*entry{}}}
			for range 5 {
				d.people, d.voters = append(d.people, newID()), append(d.voters, newID())
			}
			rt.Repeat(map[string]func(*rapid.T){
				"publish": d.publishOne, "vote": d.voteOne, "vote again": d.voteOne, "vote once more": d.voteOne,
				"unvote": d.unvoteOne, "withdraw": d.withdrawOne, "": d.compare,
			})
			if err := b.checkCounters(rt.Context()); err != nil {
				rt.Fatal(err)
			}
		})
	})
}

// Taking a vote back and giving it again, also the deciding one of a tie, changes nothing.
func TestAVoteGivenAgainKeepsTheOrderOfATie(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		first, second, voters := newID(), newID(), []string{newID(), newID()}
		videos := map[string]string{}
		for _, contestant := range []string{second, first} {
			videos[contestant] = b.publish(t, contestant, "Song", "Cali")
		}
		for _, contestant := range []string{first, second} {
			for _, voter := range voters {
				if _, err := b.Vote(t.Context(), videos[contestant], voter); err != nil {
					t.Fatal(err)
				}
			}
		}
		order := func() []voting.Rank {
			t.Helper()
			ranking, err := b.rankings(t.Context(), voting.Filter{}, 0, 10)
			if err != nil || len(ranking.Ranks) != 2 {
				t.Fatalf("%+v (%v)", ranking, err)
			}
			return ranking.Ranks
		}
		before := order()
		if before[0].UserID != first {
			t.Fatalf("the ranking is %+v, want %s first", before, first)
		}
		for range 2 {
			for contestant, video := range videos {
				for _, voter := range voters {
					if _, err := b.Unvote(t.Context(), video, voter); err != nil {
						t.Fatal(err)
					}
					if leader := order()[0].UserID; leader == contestant {
						t.Errorf("%s leads with a vote less", contestant)
					}
					if _, err := b.Vote(t.Context(), video, voter); err != nil {
						t.Fatal(err)
					}
					if diff := gocmp.Diff(before, order()); diff != "" {
						t.Errorf("after a vote was given again (- before, + after):\n%s", diff)
					}
				}
			}
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
