package e2e

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// with sends a request without a body and with headers, as names and values.
func (s *site) with(t *testing.T, method, path, token string, headers ...string) apiResponse {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return send(t, request)
}

// earlierVideo is a video by the names that clients of earlier systems read.
type earlierVideo struct {
	ID         string
	Title      string
	CreatedAt  string `json:"created_at"`
	VoteCount  int    `json:"vote_count"`
	ArtistName string `json:"artist_name"`
	Status     string
}

// Clients of two earlier systems sign up, upload, vote and read the ranking without a change.
func TestClientsOfEarlierSystemsGoOnWorking(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true")
	ana := s.newPerson(t, "Bogotá") // who signs in by a form with username
	s.get(t, "/api/health", "").want(t, http.StatusOK, "")
	s.get(t, "/health?nocache=1", "").want(t, http.StatusOK, "")

	// OAuth 2 forms have more fields, and some programs send them without a charset or with one.
	for _, contentType := range []string{
		"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8",
	} {
		form := url.Values{
			"grant_type": {"password"}, "username": {ana.Email}, "password": {password}, "scope": {""},
			"client_id": {""}, "client_secret": {""},
		}.Encode()
		var session struct {
			Token string `json:"access_token"`
			Type  string `json:"token_type"`
		}
		s.do(t, http.MethodPost, "/api/auth/login", "", contentType, strings.NewReader(form)).
			want(t, http.StatusOK, "").decode(t, &session)
		if session.Token == "" || !strings.EqualFold(session.Type, "bearer") {
			t.Errorf("%s: %+v", contentType, session)
		}
	}

	var uploaded earlierVideo
	title := part{Name: "title", Value: "De antes"}
	ana.postUploadForm(t, part{"video_file", shortClipContent(t), "clip.mp4"}, title,
		part{Name: "is_public", Value: "true"}).want(t, http.StatusCreated, "").decode(t, &uploaded)
	if uploaded.ID == "" || uploaded.CreatedAt == "" || uploaded.Status != "uploaded" {
		t.Errorf("the upload is %+v", uploaded)
	}
	ana.uploadMock(t, shortClip(t), "Nunca")
	if v := ana.waitForFinal(t, uploaded.ID); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}

	for path, want := range map[string]int{
		"/api/videos": 2, "/api/videos/": 2, "/api/videos/user": 2, "/api/videos/user?skip=0&limit=100": 2,
		"/api/videos?limit=1": 1, "/api/videos/?skip=1&limit=5": 1, "/api/videos?user_id=" + unknownID: 2,
	} {
		var videos []earlierVideo
		ana.get(t, path, ana.Token).want(t, http.StatusOK, "").decode(t, &videos)
		if len(videos) != want || want > 0 && (videos[0].ID == "" || videos[0].CreatedAt == "") {
			t.Errorf("%s: %+v", path, videos)
		}
	}
	s.get(t, "/api/public/videos/", "").want(t, http.StatusNotFound, "not_found") // only one list has two addresses

	vote := "/api/public/videos/" + uploaded.ID + "/vote"
	voted := ana.postWithKey(t, vote, "once", "", nil).want(t, http.StatusOK, "")
	wantReplayed(t, ana.postWithKey(t, vote, "once", "", nil), voted)
	s.post(t, vote, ana.Token, nil).want(t, http.StatusBadRequest, "already_voted")
	s.forgetAnswers(t)
	var counted struct {
		VoteCount int `json:"vote_count"`
		Total     int `json:"total_votes"`
	}
	ana.postWithKey(t, vote, "once", "", nil).want(t, http.StatusOK, "").decode(t, &counted)
	if counted.VoteCount != 1 || counted.Total != 1 {
		t.Errorf("%+v after one vote", counted)
	}

	var list []earlierVideo
	s.get(t, "/api/public/videos?skip=0&limit=50&order_by=votes&order=desc", "").
		want(t, http.StatusOK, "").decode(t, &list)
	if len(list) != 1 || list[0].ID != uploaded.ID || list[0].ArtistName == "" || list[0].VoteCount != 1 {
		t.Errorf("the list is %+v", list)
	}
	var ranking struct {
		Rankings []earlierVideo
	}
	s.get(t, "/api/public/rankings?limit=10", "").want(t, http.StatusOK, "").decode(t, &ranking)
	if len(ranking.Rankings) != 1 || ranking.Rankings[0].ArtistName == "" || ranking.Rankings[0].VoteCount != 1 {
		t.Errorf("the ranking is %+v", ranking)
	}
	manners(t, s, ana, uploaded.ID)
}

// manners checks what HTTP promises of every list, on a site with one published video.
func manners(t *testing.T, s *site, ana *person, id string) {
	t.Helper()
	for _, path := range []string{
		"/health", "/api/health", "/livez", "/readyz", "/api/auth/me", "/api/videos", "/api/videos/",
		"/api/videos/user",
		"/api/videos/uploads", "/api/videos/" + id, "/api/videos/" + id + "/events", "/api/public/videos",
		"/api/public/videos/" + id, "/api/public/rankings",
	} {
		head := s.with(t, http.MethodHead, path, ana.Token).want(t, http.StatusOK, "")
		if len(head.Body) > 0 || head.Header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %v", path, head.Header)
		}
		options := s.with(t, http.MethodOptions, path, "").want(t, http.StatusNoContent, "")
		method := http.MethodPatch
		if path == "/api/auth/me" { // which can be changed
			method = http.MethodPut
		}
		refused := s.with(t, method, path, ana.Token).
			want(t, http.StatusMethodNotAllowed, "method_not_allowed")
		for _, a := range []apiResponse{options, refused} {
			if allow := a.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "HEAD") {
				t.Errorf("%s: Allow: %s", path, allow)
			}
		}
		accept := "image/png"
		s.with(t, http.MethodGet, path, ana.Token, "Accept", accept).want(t, http.StatusNotAcceptable, "not_acceptable")
		if path != "/api/health" && strings.HasPrefix(path, "/api/") && !strings.HasSuffix(path, "/events") {
			var first, again apiResponse
			for range 2 { // once in a quarter of an hour an answer with signed links changes
				first = s.with(t, http.MethodGet, path, ana.Token, "Accept-Encoding", "gzip").want(t, http.StatusOK, "")
				again = s.with(t, http.MethodGet, path, ana.Token, "Accept-Encoding", "gzip",
					"If-None-Match", first.Header.Get("ETag"))
				if again.Status == http.StatusNotModified {
					break
				}
			}
			if first.Header.Get("ETag") == "" || again.Status != http.StatusNotModified || len(again.Body) > 0 {
				t.Errorf("%s: %v, then %d", path, first.Header, again.Status)
			}
			compressed := first.Header.Get("Content-Encoding") == "gzip"
			if compressed && !strings.HasPrefix(path, "/api/public/") {
				t.Errorf("%s is compressed", path)
			}
			if path == "/api/public/videos" {
				r, err := gzip.NewReader(bytes.NewReader(first.Body))
				if err != nil {
					t.Fatalf("%v: %v", first.Header, err)
				}
				if body, err := io.ReadAll(r); err != nil || !bytes.Contains(body, []byte(id)) {
					t.Errorf("%s (%v)", body, err)
				}
			}
		}
	}
	for _, path := range []string{
		"/api/videos", "/api/videos/", "/api/videos/user", "/api/public/videos", "/api/public/rankings",
	} {
		a := s.get(t, path, ana.Token)
		if !strings.Contains(a.Header.Get("Link"), `rel="first"`) || a.Header.Get("X-Total-Count") == "" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	for path, contentType := range map[string]string{
		"/api/auth/login": "text/plain", "/api/auth/signup": "application/xml", "/api/videos/uploads": "text/csv",
		"/api/videos/upload": "application/json",
	} {
		s.do(t, http.MethodPost, path, ana.Token, contentType, strings.NewReader("{}")).
			want(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
	vote := "/api/public/videos/" + id + "/vote"
	for language, message := range map[string]string{
		"fr, en;q=0.5, es;q=0.4": "Your vote", "es-CO, en;q=0.9": "Tu voto", "": "Tu voto", "en": "Your vote",
	} {
		method := http.MethodDelete
		if s.with(t, method, vote, ana.Token).Status != http.StatusOK {
			t.Fatal("no vote was taken back")
		}
		a := s.with(t, http.MethodPost, vote, ana.Token, "Accept-Language", language).want(t, http.StatusOK, "")
		want := map[bool]string{true: "en", false: "es"}[message == "Your vote"]
		if !bytes.Contains(a.Body, []byte(message)) || a.Header.Get("Content-Language") != want ||
			!strings.Contains(a.Header.Get("Vary"), "Accept-Language") {
			t.Errorf("%q: %v %s", language, a.Header, a.Body)
		}
	}
}
