package voting_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"risingstars/infra/contracttest"
	"risingstars/modules/voting"
	"risingstars/platform/auth"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

// site is the module behind HTTP. A caller's token is the caller's id.
type site struct {
	*bench
	server *web.Server
}

func serve(t *testing.T) *site {
	t.Helper()
	server := web.New(web.Options{
		PublicURL: "https://show.example", Version: "test", Health: &telemetry.Health{},
		Verify: func(token string) (auth.Principal, error) { return auth.Principal{UserID: token}, nil },
		Logger: slog.New(slog.DiscardHandler),
	})
	s := &site{bench: setup(t, databasetest.Open(t, owners...)), server: server}
	s.Routes(server)
	return s
}

func (s *site) call(t *testing.T, method, target, caller string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if caller != "" {
		request.Header.Set("Authorization", "Bearer "+caller)
	}
	w := httptest.NewRecorder()
	contracttest.Handler(t, s.server).ServeHTTP(w, request)
	return w
}

func (s *site) want(t *testing.T, method, target, caller string, status int, code string) *httptest.ResponseRecorder {
	t.Helper()
	w := s.call(t, method, target, caller)
	var problem struct{ Code string }
	if code != "" {
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
	}
	if w.Code != status || problem.Code != code {
		t.Fatalf("%s %s: %d %s, want %d %q", method, target, w.Code, w.Body, status, code)
	}
	return w
}

var link = regexp.MustCompile(`<https://show\.example([^>]*)>; rel="(\w+)"`)

// links returns the targets in the Link header by relation.
func links(w *httptest.ResponseRecorder) map[string]string {
	found := map[string]string{}
	for _, match := range link.FindAllStringSubmatch(w.Header().Get("Link"), -1) {
		found[match[2]] = match[1]
	}
	return found
}

func TestGalleryIsPagedByItsLinks(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var want []string
	for i := range 7 {
		want = append(want, s.publish(t, newID(), fmt.Sprintf("Tango & más %d", i), "Bogotá"))
	}
	s.publish(t, newID(), "Tango", "Lima")
	slices.Reverse(want)

	first := "/api/public/videos?" + url.Values{"city": {"BOGOTÁ"}, "q": {"tango &"}, "page_size": {"3"}}.Encode()
	var got, back []string
	next, last := first, ""
	for next != "" {
		w := s.want(t, http.MethodGet, next, "", http.StatusOK, "")
		var page []struct {
			VideoID      string `json:"video_id"`
			ProcessedURL string `json:"processed_url"`
			CountryCode  string `json:"country_code"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page) == 0 || len(page) > 3 {
			t.Fatalf("%s: %s (%v)", next, w.Body, err)
		}
		if total := w.Header().Get("X-Total-Count"); total != "7" {
			t.Errorf("%s: X-Total-Count %q, want 7", next, total)
		}
		for _, video := range page {
			got = append(got, video.VideoID)
			if !strings.HasPrefix(video.ProcessedURL, "https://show.example/") {
				t.Errorf("the clip is at %q", video.ProcessedURL)
			}
			if video.CountryCode != "CO" {
				t.Errorf("the country is %q", video.CountryCode)
			}
		}
		all := links(w)
		isFirst, isLast := next == first, len(got) == 7
		if all["first"] == "" || all["last"] == "" || (all["prev"] == "") != isFirst || (all["next"] == "") != isLast {
			t.Errorf("%s: links %v", next, all)
		}
		last = all["last"]
		back = append(back, next)
		next = all["next"]
	}
	if !slices.Equal(got, want) {
		t.Errorf("the pages hold %v, want %v", got, want)
	}
	if last != back[len(back)-1] {
		t.Errorf("the last page is %q, want %q", last, back[len(back)-1])
	}

	beyond := s.want(t, http.MethodGet, first+"&page=9", "", http.StatusOK, "")
	if strings.TrimSpace(beyond.Body.String()) != "[]" || beyond.Header().Get("X-Total-Count") != "7" ||
		links(beyond)["prev"] != last {
		t.Errorf("beyond the end: %s, %v", beyond.Body, beyond.Header())
	}
}

func TestListsRefuseInvalidParameters(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, list := range []string{"/api/public/videos", "/api/public/rankings"} {
		for _, query := range []string{
			"page=0", "page=-1", "page=x", "page=1.5", "page=99999999999999999999",
			"page_size=0", "page_size=101", "page_size=1000",
			"city=" + strings.Repeat("x", 101), "country=" + strings.Repeat("x", 101),
		} {
			s.want(t, http.MethodGet, list+"?"+query, "", http.StatusUnprocessableEntity, "invalid")
		}
		s.want(t, http.MethodGet, list+"?page=1000000&page_size=100", "", http.StatusOK, "")
	}
	for _, query := range []string{"order=oldest", "order=votes%20DESC", "q=" + strings.Repeat("x", 201)} {
		s.want(t, http.MethodGet, "/api/public/videos?"+query, "", http.StatusUnprocessableEntity, "invalid")
	}
}

func TestEmptyListsAreArrays(t *testing.T) {
	t.Parallel()
	s := serve(t)
	w := s.want(t, http.MethodGet, "/api/public/videos", "", http.StatusOK, "")
	if strings.TrimSpace(w.Body.String()) != "[]" || w.Header().Get("X-Total-Count") != "0" || links(w)["next"] != "" {
		t.Errorf("the gallery is %s, %v", w.Body, w.Header())
	}
	w = s.want(t, http.MethodGet, "/api/public/rankings", "", http.StatusOK, "")
	if body := w.Body.String(); !strings.Contains(body, `"rankings":[]`) || !strings.Contains(body, `"total":0`) ||
		!strings.Contains(body, `"total_pages":0`) {
		t.Errorf("the ranking is %s", body)
	}
}

func TestRankingIsPaged(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for i := range 5 {
		s.vote(t, s.publish(t, newID(), "Song", "Cali"), i)
	}
	w := s.want(t, http.MethodGet, "/api/public/rankings?page=2&page_size=2&city=cali", "", http.StatusOK, "")
	var page struct {
		Rankings []struct {
			Position, Votes int
			CountryCode     string `json:"country_code"`
		}
		Total, Page int
		PageSize    int `json:"page_size"`
		TotalPages  int `json:"total_pages"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if page.Total != 5 || page.Page != 2 || page.PageSize != 2 || page.TotalPages != 3 || len(page.Rankings) != 2 ||
		page.Rankings[0].Position != 3 || page.Rankings[0].Votes != 2 || page.Rankings[1].Position != 4 ||
		page.Rankings[0].CountryCode != "CO" {
		t.Errorf("the second page is %s", w.Body)
	}
}

func TestVotingNeedsACallerAndAPublishedVideo(t *testing.T) {
	t.Parallel()
	s := serve(t)
	id, voter := s.publish(t, newID(), "Song", "Cali"), newID()
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		s.want(t, method, "/api/public/videos/"+id+"/vote", "", http.StatusUnauthorized, "unauthenticated")
		for _, unknown := range []string{newID(), "1", "%00", "..%2F..", strings.Repeat("x", 1000)} {
			s.want(t, method, "/api/public/videos/"+unknown+"/vote", voter, http.StatusNotFound, "not_found")
		}
	}
	w := s.want(t, http.MethodPost, "/api/public/videos/"+id+"/vote", voter, http.StatusOK, "")
	if !strings.Contains(w.Body.String(), `"total_votes":1`) {
		t.Errorf("the first vote gives %s", w.Body)
	}
	s.want(t, http.MethodPost, "/api/public/videos/"+id+"/vote", voter, http.StatusBadRequest, "already_voted")
}

// Clips that were published before there were several sizes have one.
func TestAnEntryShowsTheSizesOfItsFiles(t *testing.T) {
	t.Parallel()
	s := serve(t)
	old, id := s.publish(t, newID(), "Song", "Cali"), newID()
	err := s.Publish(t.Context(), voting.Entry{
		VideoID: id, UserID: newID(), PlayerName: "Ana", City: "Cali", Country: "Colombia", Title: "New",
		Output: voting.Output{
			ProcessedKey: "processed/a.mp4", PosterKey: "processed/a.jpg",
			SmallKey: "processed/a-small.mp4", SmallWidth: 360, SmallHeight: 640,
			Poster640Key: "processed/a-640.jpg", Poster320Key: "processed/a-320.jpg",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	body := s.want(t, http.MethodGet, "/api/public/videos/"+id, "", http.StatusOK, "").Body.String()
	for _, part := range []string{
		`a-small.mp4"`, `"small_width":360,"small_height":640`, `a.jpg","width":1280,"height":720}`,
		`a-640.jpg","width":640,"height":360}`, `a-320.jpg","width":320,"height":180}]`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}
	body = s.want(t, http.MethodGet, "/api/public/videos/"+old, "", http.StatusOK, "").Body.String()
	for _, part := range []string{`"small_url":null`, `"small_width":null`, `"small_height":null`, `"posters":null`} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}
}
