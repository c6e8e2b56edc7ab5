package voting_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

func TestPagesAfterAMarkFollowEachOther(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		for i, n := range []int{1, 3, 0, 3, 1, 0, 0} { // many are equal
			b.vote(t, b.publish(t, newID(), string(rune('A'+i)), "Cali"), n)
			b.publish(t, newID(), "elsewhere", "Lima")
		}
		cali := voting.Filter{City: "cali"}
		for order, want := range map[voting.Order][]string{
			voting.Recent:    {"G", "F", "E", "D", "C", "B", "A"},
			voting.MostVoted: {"B", "D", "A", "E", "C", "F", "G"},
			// Each is the reverse of one above.
			voting.Oldest:     {"A", "B", "C", "D", "E", "F", "G"},
			voting.LeastVoted: {"G", "F", "C", "E", "A", "D", "B"},
		} {
			for size := 1; size <= 8; size++ {
				var got []string
				for window := (voting.Window{Limit: size}); ; {
					page, err := b.Gallery(t.Context(), cali, order, window)
					if err != nil || page.Total != 7 {
						t.Fatalf("%d entries in all (%v)", page.Total, err)
					}
					for _, e := range page.Entries {
						got = append(got, e.Title)
					}
					if page.Next == nil {
						break
					}
					window.After = page.Next
				}
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("%s in pages of %d (- want, + got):\n%s", order, size, diff)
				}
			}
		}
		all, err := b.rankings(t.Context(), cali, 0, 10)
		if err != nil || len(all.Ranks) != 7 || all.Next != nil {
			t.Fatalf("%+v (%v)", all, err)
		}
		var ranks []voting.Rank
		for window := (voting.Window{Limit: 2}); ; {
			page, err := b.Rankings(t.Context(), cali, window)
			if err != nil {
				t.Fatal(err)
			}
			ranks = append(ranks, page.Ranks...)
			if window.After = page.Next; page.Next == nil {
				break
			}
		}
		if diff := gocmp.Diff(all.Ranks, ranks); diff != "" {
			t.Errorf("the ranking (- as one page, + in pages):\n%s", diff)
		}
	})
}

func TestPagesAfterAMarkDoNotRepeatWhatIsPublishedMeanwhile(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var want []string
	for range 5 {
		want = append(want, s.publish(t, newID(), "Song", "Cali"))
	}
	slices.Reverse(want)
	var got []string
	target := "/api/public/videos?city=Cali&page_size=2"
	for target != "" {
		w := s.want(t, http.MethodGet, target, "", http.StatusOK, "")
		var page []struct {
			VideoID string `json:"video_id"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, video := range page {
			got = append(got, video.VideoID)
		}
		s.publish(t, newID(), "A new song", "Cali")
		after := w.Header().Get("X-Next-After")
		next := "/api/public/videos?" + url.Values{"after": {after}, "city": {"Cali"}, "page_size": {"2"}}.Encode()
		if linked := links(w)["next"]; len(got) > 2 && after != "" && linked != next {
			t.Errorf("the next page is linked as %q, want %q", linked, next)
		}
		if target = next; after == "" {
			break
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("the pages (- want, + got):\n%s", diff)
	}
}

func TestTheRankingIsPagedByItsCursor(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for i := range 5 {
		s.vote(t, s.publish(t, newID(), "Song", "Cali"), i)
	}
	after, positions := "", []int{}
	for page := 1; page <= 3; page++ {
		w := s.want(t, http.MethodGet, "/api/public/rankings?page_size=2&after="+after, "", http.StatusOK, "")
		var body struct {
			Rankings []struct{ Position int }
			Page     int
			Next     *string `json:"next_after"`
		}
		err := json.Unmarshal(w.Body.Bytes(), &body)
		if last := page == 3; err != nil || body.Page != page || (body.Next == nil) != last {
			t.Fatalf("page %d: %s (%v)", page, w.Body, err)
		}
		for _, r := range body.Rankings {
			positions = append(positions, r.Position)
		}
		if body.Next != nil {
			after = *body.Next
		}
	}
	if !slices.Equal(positions, []int{1, 2, 3, 4, 5}) {
		t.Errorf("positions %v", positions)
	}
}

func TestACursorThatIsNotOfTheListIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.publish(t, newID(), "One", "Cali")
	s.publish(t, newID(), "Two", "Cali")
	w := s.want(t, http.MethodGet, "/api/public/videos?page_size=1&order=votes", "", http.StatusOK, "")
	after := w.Header().Get("X-Next-After")
	s.want(t, http.MethodGet, "/api/public/videos?order=votes&after="+after, "", http.StatusOK, "")
	for _, target := range []string{
		"videos?after=" + after, "videos?order=recent&after=" + after, "rankings?after=" + after,
		"videos?order=votes&city=Cali&after=" + after, "videos?order=votes&q=one&after=" + after,
		"videos?after=x", "videos?after=" + url.QueryEscape("' OR 1=1"), "videos?order=votes&after=" + after[1:],
		"videos?after=W10", "videos?after=" + fmt.Sprintf("%01001d", 0), // an empty list; too long
	} {
		s.want(t, http.MethodGet, "/api/public/"+target, "", http.StatusUnprocessableEntity, "invalid")
	}
}
