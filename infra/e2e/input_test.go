package e2e

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

const unknownID = "00000000-0000-7000-8000-000000000000"

// sendInLanguage sends a request with an Accept-Language header, or without one if language is "".
func (s *site) sendInLanguage(t *testing.T, language, method, path, token, contentType, body string) apiResponse {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if language != "" {
		request.Header.Set("Accept-Language", language)
	}
	return send(t, request)
}

// Every kind of wrong input is answered with a problem document that has the right code, in both languages, and changes
// nothing.
func TestBadInputIsExplainedAndChangesNothing(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "AUTH_RATE_LIMIT=false")
	ana, beto := s.newPerson(t, ""), s.newPerson(t, "")
	id := ana.uploadMock(t, shortClip(t), "Mine")
	mine, vote := "/api/videos/"+id, "/api/public/videos/"+id+"/vote"
	before, mineBefore := s.storedFiles(t), ana.get(t, "/api/videos", ana.Token)

	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	const signup, login, public = "/api/auth/signup", "/api/auth/login", "/api/public/videos"
	const secret = "hunter2 hunter2"
	account := func(old, replacement string) string {
		const body = `{"email":"new@example.com","password1":"` + secret + `","password2":"` + secret +
			`","first_name":"N","last_name":"N","city":"Cali","country":"Colombia"}`
		if !strings.Contains(body, old) {
			t.Fatalf("%s is not in the body", old)
		}
		return strings.Replace(body, old, replacement, 1)
	}
	longType, longTitle := multipartBody(t,
		part{Name: "title", Value: strings.Repeat("á", 201)}, part{"file", shortClipContent(t), "clip.mp4"})
	shortPassword := strings.ReplaceAll(account(`}`, `}`), secret, "hunter2")
	takenEmail := account(`new@example.com`, strings.ToUpper(ana.Email))
	wrongPassword := `{"email":"` + ana.Email + `","password":"` + secret + `"}`
	for _, test := range []struct {
		name, method, path, token, contentType, body string
		status                                       int
		code                                         string
	}{
		{"malformed JSON", "POST", signup, "", jsonType, account(`}`, ``), 400, "malformed"},
		{"no body", "POST", signup, "", jsonType, "", 400, "malformed"},
		{"another content type", "POST", signup, "", "text/plain", account(`}`, `}`), 415, "unsupported_media_type"},
		{"signing up by form", "POST", signup, "", formType, "email=a", 415, "unsupported_media_type"},
		{"a missing field", "POST", signup, "", jsonType, account(`,"city":"Cali"`, ``), 422, "invalid"},
		{"an empty field", "POST", signup, "", jsonType, account(`"Cali"`, `" "`), 422, "invalid"},
		{"a number for a text", "POST", signup, "", jsonType, account(`"Cali"`, `7`), 422, "invalid"},
		{"a bad e-mail", "POST", signup, "", jsonType, account(`new@example.com`, `new@example`), 422, "invalid"},
		{"a short password", "POST", signup, "", jsonType, shortPassword, 422, "invalid"},
		{"passwords that differ", "POST", signup, "", jsonType, account(secret, secret+"!"), 400, "passwords_differ"},
		{"a taken e-mail", "POST", signup, "", jsonType, takenEmail, 400, "email_taken"},
		{"a huge body", "POST", signup, "", jsonType, account(`Cali`, strings.Repeat("x", 2<<20)), 413, "too_large"},
		{"signing in without a name", "POST", login, "", jsonType, `{"password":"` + secret + `"}`, 422, "invalid"},
		{"signing in without a password", "POST", login, "", jsonType, `{"email":"a@b.co"}`, 422, "invalid"},
		{"a wrong password", "POST", login, "", jsonType, wrongPassword, 401, "bad_credentials"},

		{"no token", "GET", "/api/videos", "", "", "", 401, "unauthenticated"},
		{"somebody else's video", "GET", mine, beto.Token, "", "", 403, "forbidden"},
		{"retrying somebody else's video", "POST", mine + "/retry", beto.Token, "", "", 403, "forbidden"},
		{"deleting somebody else's video", "DELETE", mine, beto.Token, "", "", 403, "forbidden"},
		{"retrying a video that did not fail", "POST", mine + "/retry", ana.Token, "", "", 400, "not_failed"},
		{"an unknown id", "GET", "/api/videos/" + unknownID, ana.Token, "", "", 404, "not_found"},
		{"a malformed id", "GET", "/api/videos/1%27--", ana.Token, "", "", 404, "not_found"},
		{"deleting an unknown id", "DELETE", "/api/videos/" + unknownID, ana.Token, "", "", 404, "not_found"},
		{"watching an unknown id", "GET", public + "/" + unknownID, "", "", "", 404, "not_found"},
		{"watching an unpublished video", "GET", public + "/" + id, "", "", "", 404, "not_found"},
		{"voting for an unpublished video", "POST", vote, beto.Token, "", "", 404, "not_found"},
		{"taking back a vote for an unpublished video", "DELETE", vote, beto.Token, "", "", 404, "not_found"},
		{"voting for a malformed id", "POST", public + "/x/vote", beto.Token, "", "", 404, "not_found"},

		{"page 0", "GET", public + "?page=0", "", "", "", 422, "invalid"},
		{"page x", "GET", "/api/public/rankings?page=x", "", "", "", 422, "invalid"},
		{"page_size 1000", "GET", public + "?page_size=1000", "", "", "", 422, "invalid"},
		{"ranking page_size 1000", "GET", "/api/public/rankings?page_size=1000", "", "", "", 422, "invalid"},
		{"own page_size 0", "GET", "/api/videos?page_size=0", ana.Token, "", "", 422, "invalid"},
		{"an unknown order", "GET", public + "?order=best", "", "", "", 422, "invalid"},
		{"an unknown status", "GET", "/api/videos?status=lost", ana.Token, "", "", 422, "invalid"},
		{"a city too long", "GET", "/api/public/rankings?city=" + strings.Repeat("x", 101), "", "", "", 422, "invalid"},
		{"a search that is not UTF-8", "GET", public + "?q=%ff%00", "", "", "", 400, "malformed"},

		{"an upload by JSON", "POST", "/api/videos/upload", ana.Token, jsonType, `{}`, 415, "unsupported_media_type"},
		{"a title too long", "POST", "/api/videos/upload", ana.Token, longType, longTitle.String(), 422, "invalid"},
		{"an unknown address", "GET", "/api/nothing", "", "", "", 404, "not_found"},
		{"a wrong method", "PUT", "/api/videos/upload", ana.Token, "", "", 405, "method_not_allowed"},
	} {
		spanish := s.sendInLanguage(t, "", test.method, test.path, test.token, test.contentType, test.body)
		english := s.sendInLanguage(t, "en-GB", test.method, test.path, test.token, test.contentType, test.body)
		if spanish.Status != test.status {
			t.Errorf("%s: status %d, want %d: %s", test.name, spanish.Status, test.status, spanish.Body)
			continue
		}
		var es, en problem
		spanish.want(t, test.status, test.code).decode(t, &es)
		english.want(t, test.status, test.code).decode(t, &en)
		if es.Detail == en.Detail || len(es.Errors) != len(en.Errors) ||
			(test.code == "invalid") != (len(es.Errors) > 0) {
			t.Errorf("%s: %s and %s", test.name, spanish.Body, english.Body)
		}
		for i := range min(len(es.Errors), len(en.Errors)) {
			if es.Errors[i].Message == en.Errors[i].Message || es.Errors[i].Location != en.Errors[i].Location {
				t.Errorf("%s: %+v and %+v", test.name, es.Errors[i], en.Errors[i])
			}
		}
		allow := spanish.Header.Get("Allow")
		if test.status == http.StatusMethodNotAllowed && !strings.Contains(allow, "POST") {
			t.Errorf("%s: Allow is %q", test.name, allow)
		}
		if strings.Contains(string(spanish.Body), "hunter2") {
			t.Errorf("%s: the response repeats a password: %s", test.name, spanish.Body)
		}
	}

	if after := s.storedFiles(t); !slices.Equal(before, after) {
		t.Errorf("files were %v and are %v", before, after)
	}
	var was, is []video
	mineBefore.decode(t, &was)
	ana.get(t, "/api/videos", ana.Token).decode(t, &is)
	if len(was) != 1 || len(is) != 1 || is[0].Title != was[0].Title || is[0].Status != was[0].Status {
		t.Errorf("videos were %+v and are %+v", was, is)
	}
	s.login(t, "new@example.com", secret).want(t, http.StatusUnauthorized, "bad_credentials")
}

// shortClipContent returns the bytes of shortClip as a string, for a field of a form.
func shortClipContent(t *testing.T) string {
	t.Helper()
	return readFile(t, shortClip(t))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
