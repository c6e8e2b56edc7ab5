package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// rankedIn returns the contestants of a city, in order.
func (s *site) rankedIn(t *testing.T, city string) []string {
	t.Helper()
	var ranking struct {
		Rankings []struct {
			UserID string `json:"user_id"`
		}
	}
	query := url.Values{"city": {city}}.Encode()
	s.get(t, "/api/public/rankings?"+query, "").want(t, http.StatusOK, "").decode(t, &ranking)
	var ids []string
	for _, r := range ranking.Rankings {
		ids = append(ids, r.UserID)
	}
	return ids
}

// galleryHas reports whether the gallery finds exactly one video.
func (s *site) galleryHas(t *testing.T, id string, query url.Values) bool {
	t.Helper()
	var videos []video
	s.get(t, "/api/public/videos?"+query.Encode(), "").want(t, http.StatusOK, "").decode(t, &videos)
	return len(videos) == 1 && videos[0].VideoID == id
}

// Places and titles are found however they are written, also those that an older binary folded in another way, and a
// vote that is given again changes no order.
func TestPlacesAreFoundAndTiesStandHoweverTheyAreTouched(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	s := startSite(t, "SECRET_KEY="+votingSecret)
	first, second := s.newPerson(t, "Ｂｏｇｏｔá.\u200b"), s.newPerson(t, "Łódź")
	videos := map[*person]string{
		first:  first.upload(t, shortClip(t), "Canción 🎸👨\u200d👩"),
		second: second.upload(t, shortClip(t), "Straße\u202e"),
	}
	for p, id := range videos {
		if v := p.waitForFinal(t, id); v.Status != "processed" {
			t.Fatalf("the video is %+v", v)
		}
	}
	find := func(when string) {
		t.Helper()
		for p, cities := range map[*person][]string{
			first:  {"Bogotá", "BOGOTA", "Bogotá.", "bogotá\u200b", "ｂｏｇｏｔａ", "Bogota\u0301"},
			second: {"Łódź", "lodz", "LODZ!"},
		} {
			for _, city := range cities {
				if ids := s.rankedIn(t, city); len(ids) != 1 || ids[0] != p.ID {
					t.Errorf("%s: in the ranking of %+q are %v", when, city, ids)
				}
				if !s.galleryHas(t, videos[p], url.Values{"city": {city}}) {
					t.Errorf("%s: the gallery of %+q has another video", when, city)
				}
			}
		}
		for search, p := range map[string]*person{
			"cancion": first, "ＣＡＮＣＩÓＮ": first, "strasse": second, "STRASSE lodz": second,
		} {
			if !s.galleryHas(t, videos[p], url.Values{"q": {search}}) {
				t.Errorf("%s: a search for %q finds something else", when, search)
			}
		}
	}
	find("published")

	tokens := voterTokens(t, 2)
	vote := func(method string, p *person, voter int) {
		t.Helper()
		path := "/api/public/videos/" + videos[p] + "/vote"
		s.do(t, method, path, tokens[voter], "", nil).want(t, http.StatusOK, "")
	}
	for _, p := range []*person{first, second} {
		vote(http.MethodPost, p, 0)
		vote(http.MethodPost, p, 1)
	}
	for _, p := range []*person{first, second} {
		vote(http.MethodDelete, p, 1)
		vote(http.MethodPost, p, 1)
		if ids := s.rankedIn(t, ""); len(ids) != 2 || ids[0] != first.ID {
			t.Errorf("after a vote was given again, the ranking is %v, want %s first", ids, first.ID)
		}
	}

	s.execSQL(t, `UPDATE voting_entries SET city_folded = 'x', search_text = 'x', fold_version = 0`)
	s.execSQL(t, `UPDATE voting_contestants SET city_folded = 'x'`)
	if out, errs, code := s.runApp(t, "migrate", "status"); code != 0 || !strings.Contains(out, "2 rows behind") {
		t.Errorf("status: exit code %d, %q, %q", code, out, errs)
	}
	if out, errs, code := s.runApp(t, "migrate", "up"); code != 0 || strings.Contains(out, "pending") {
		t.Errorf("up: exit code %d, %q, %q", code, out, errs)
	}
	find("folded again")
}

func TestNamesThatShowNothingAndSecondMailboxesAreRefused(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	s := startSite(t)
	const signup = "/api/auth/signup"
	for _, field := range []string{"first_name", "last_name", "city", "country"} {
		for _, nothing := range []string{"\u200b", "\u3164", "\u202e\u2066", "...", "🎸"} {
			body := signupBody("ana@example.com", map[string]any{field: nothing})
			s.post(t, signup, "", body).want(t, http.StatusUnprocessableEntity, "invalid")
		}
	}
	var account map[string]any
	body := signupBody("ana.ruiz@gmail.com", map[string]any{"first_name": "A\u202ena\u200b", "last_name": "Ｒｕｉｚ"})
	s.post(t, signup, "", body).want(t, http.StatusCreated, "").decode(t, &account)
	if account["first_name"] != "Ana" || account["last_name"] != "Ruiz" {
		t.Errorf("the account is %v", account)
	}
	for _, email := range []string{"ana.ruiz+2@gmail.com", "AnaRuiz@googlemail.com", "ａｎａｒｕｉｚ@gmail.com"} {
		s.post(t, signup, "", signupBody(email, nil)).want(t, http.StatusBadRequest, "email_taken")
		s.login(t, email, password).want(t, http.StatusOK, "")
	}
	var session struct {
		Token string `json:"access_token"`
	}
	s.login(t, "ana.ruiz@gmail.com", password).want(t, http.StatusOK, "").decode(t, &session)
	for _, title := range []string{"\u200b", "🎸", "..."} {
		file := part{"file", shortClipContent(t), "clip.mp4"}
		contentType, form := multipartBody(t, part{Name: "title", Value: title}, file)
		s.do(t, http.MethodPost, "/api/videos/upload", session.Token, contentType, form).
			want(t, http.StatusUnprocessableEntity, "invalid")
	}
}
