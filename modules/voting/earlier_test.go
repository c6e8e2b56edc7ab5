package voting_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// earlierVideo is a video by the names of earlier systems.
type earlierVideo struct {
	ID         string
	VideoID    string `json:"video_id"`
	Title      string
	CreatedAt  string `json:"created_at"`
	UploadedAt string `json:"uploaded_at"`
	Votes      int
	VoteCount  int    `json:"vote_count"`
	ArtistName string `json:"artist_name"`
	PlayerName string `json:"player_name"`
}

// titlesOf asks for a list and follows its links to the end.
func (s *site) titlesOf(t *testing.T, target string) string {
	t.Helper()
	var found []string
	for range 20 {
		w := s.want(t, http.MethodGet, target, "", http.StatusOK, "")
		var page []earlierVideo
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, v := range page {
			found = append(found, v.Title)
			if v.ID == "" || v.ID != v.VideoID || v.CreatedAt != v.UploadedAt || v.VoteCount != v.Votes ||
				v.ArtistName == "" || v.ArtistName != v.PlayerName {
				t.Errorf("%+v", v)
			}
		}
		if target = links(w)["next"]; target == "" {
			return strings.Join(found, "")
		}
		found = append(found, " ")
	}
	t.Fatalf("the links have no end: %v", found)
	return ""
}

func TestListsAnswerWhatClientsOfEarlierSystemsAsk(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for i, votes := range []int{1, 3, 0, 3, 2} {
		s.vote(t, s.publish(t, newID(), string(rune('A'+i)), "Cali"), votes)
	}
	for query, want := range map[string]string{
		"":                                     "EDCBA",
		"order=recent":                         "EDCBA",
		"order=votes":                          "BDEAC",
		"order_by=created_at":                  "EDCBA",
		"order_by=created_at&order=desc":       "EDCBA",
		"order_by=uploaded_at&order=asc":       "ABCDE",
		"order_by=votes":                       "BDEAC",
		"order_by=votes&order=desc":            "BDEAC",
		"order_by=votes&order=asc":             "CAEDB",
		"order=asc":                            "ABCDE",
		"order=desc":                           "EDCBA",
		"order=asc&page_size=2":                "AB CD E",
		"order_by=votes&order=asc&page_size=2": "CA ED B",
		"limit=2":                              "ED CB A",
		"limit=500":                            "EDCBA",
		"skip=0&limit=3":                       "EDC BA",
		"skip=2&limit=2":                       "CB A",
		"skip=1&limit=2":                       "DC BA",
		"skip=1&limit=3&order=asc&order_by=votes": "AED B",
		"skip=4":             "A",
		"skip=5":             "",
		"skip=900&limit=7":   "",
		"page=2&page_size=2": "CB A",
		"page=2&limit=4":     "A",
		"sort=x&foo=bar&page_size=5&utm_source=ad": "EDCBA", // what nobody knows is ignored
	} {
		if got := s.titlesOf(t, "/api/public/videos?"+query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{
		"skip=-1", "limit=0", "limit=-3", "limit=x", "order=up", "order_by=title", "skip=99999999999999999999",
	} {
		s.want(t, http.MethodGet, "/api/public/videos?"+query, "", http.StatusUnprocessableEntity, "invalid")
	}
	// The page before an offset ends where that one begins.
	w := s.want(t, http.MethodGet, "/api/public/videos?skip=3&limit=2", "", http.StatusOK, "")
	if got := s.titlesOf(t, links(w)["prev"]); !strings.HasPrefix(got, "DC") {
		t.Errorf("before the fourth: %q", got)
	}
}

func TestTheRankingAnswersWhatClientsOfEarlierSystemsAsk(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, votes := range []int{1, 3, 2} {
		s.vote(t, s.publish(t, newID(), "Song", "Cali"), votes)
	}
	type rank struct {
		Position   int
		Votes      int
		VoteCount  int    `json:"vote_count"`
		Username   string `json:"username"`
		ArtistName string `json:"artist_name"`
	}
	ask := func(query string) (positions []int, header http.Header, next string) {
		w := s.want(t, http.MethodGet, "/api/public/rankings?"+query, "", http.StatusOK, "")
		var body struct {
			Rankings []rank
			Next     string `json:"next_after"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		for _, r := range body.Rankings {
			positions = append(positions, r.Position)
			if r.VoteCount != r.Votes || r.Votes != 4-r.Position || r.ArtistName == "" || r.ArtistName != r.Username {
				t.Errorf("%+v", r)
			}
		}
		if body.Next != w.Header().Get("X-Next-After") {
			t.Errorf("%s: the next page is %q and %q", query, body.Next, w.Header().Get("X-Next-After"))
		}
		return positions, w.Header(), links(w)["next"]
	}
	for query, want := range map[string][]int{
		"": {1, 2, 3}, "limit=2": {1, 2}, "limit=2&skip=2": {3}, "limit=2&skip=1": {2, 3}, "limit=1000": {1, 2, 3},
	} {
		got, header, _ := ask(query)
		if diff := gocmp.Diff(want, got); diff != "" || header.Get("X-Total-Count") != "3" {
			t.Errorf("%s: %s %v", query, diff, header)
		}
	}
	_, _, next := ask("limit=2")
	got, _, last := ask(strings.TrimPrefix(next, "/api/public/rankings?"))
	if len(got) != 1 || got[0] != 3 || last != "" {
		t.Errorf("the second page is %v, and after it comes %q", got, last)
	}
}
