package e2e

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

const nobodysID = "00000000-0000-7000-8000-000000000000"

// inLanguage sends a request that says which language its sender reads.
func (s *site) inLanguage(t *testing.T, language, method, path, token, contentType, body string) answer {
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

// TestBadInputIsExplainedAndChangesNothing holds every way to get the input wrong against its problem document, in both
// languages.
func TestBadInputIsExplainedAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "AUTH_RATE_LIMIT=false")
	ana, beto := s.join(t, ""), s.join(t, "")
	contentType, form := multipartBody(t, part{"file", clipBytes(t), "clip.mp4"}, part{Name: "title", Value: "Mine"})
	var stored video
	ana.do(t, http.MethodPost, "/api/videos/upload-mock", ana.Token, contentType, form).want(t, http.StatusAccepted, "").into(t, &stored)
	mine, vote := "/api/videos/"+stored.VideoID, "/api/public/videos/"+stored.VideoID+"/vote"
	before, mineBefore := s.files(t), ana.get(t, "/api/videos", ana.Token)

	const jsonType, secret = "application/json", "hunter2 hunter2"
	account := func(old, replacement string) string {
		const body = `{"email":"new@example.com","password1":"` + secret + `","password2":"` + secret +
			`","first_name":"N","last_name":"N","city":"Cali","country":"Colombia"}`
		if !strings.Contains(body, old) {
			t.Fatalf("%s is not in the body", old)
		}
		return strings.Replace(body, old, replacement, 1)
	}
	titled := func(title string) (string, string) {
		contentType, body := multipartBody(t, part{Name: "title", Value: title}, part{"file", clipBytes(t), "clip.mp4"})
		return contentType, body.String()
	}
	longType, longTitle := titled(strings.Repeat("á", 201))
	for _, test := range []struct {
		name, method, path, token, contentType, body string
		status                                       int
		code                                         string
	}{
		{"malformed JSON", "POST", "/api/auth/signup", "", jsonType, account(`}`, ``), 400, "malformed"},
		{"no body", "POST", "/api/auth/signup", "", jsonType, "", 400, "malformed"},
		{"another content type", "POST", "/api/auth/signup", "", "text/plain", account(`}`, `}`), 415, "unsupported_media_type"},
		{"signing up by form", "POST", "/api/auth/signup", "", "application/x-www-form-urlencoded", "email=a", 415, "unsupported_media_type"},
		{"a missing field", "POST", "/api/auth/signup", "", jsonType, account(`,"city":"Cali"`, ``), 422, "invalid"},
		{"an empty field", "POST", "/api/auth/signup", "", jsonType, account(`"Cali"`, `" "`), 422, "invalid"},
		{"a number for a text", "POST", "/api/auth/signup", "", jsonType, account(`"Cali"`, `7`), 422, "invalid"},
		{"a bad e-mail", "POST", "/api/auth/signup", "", jsonType, account(`new@example.com`, `new@example`), 422, "invalid"},
		{"a short password", "POST", "/api/auth/signup", "", jsonType, strings.ReplaceAll(account(`}`, `}`), secret, "hunter2"), 422, "invalid"},
		{"passwords that differ", "POST", "/api/auth/signup", "", jsonType, account(secret, secret+"!"), 400, "passwords_differ"},
		{"a taken e-mail", "POST", "/api/auth/signup", "", jsonType, account(`new@example.com`, strings.ToUpper(ana.Email)), 400, "email_taken"},
		{"a huge body", "POST", "/api/auth/signup", "", jsonType, account(`Cali`, strings.Repeat("x", 2<<20)), 413, "too_large"},
		{"signing in without a name", "POST", "/api/auth/login", "", jsonType, `{"password":"` + secret + `"}`, 422, "invalid"},
		{"signing in without a password", "POST", "/api/auth/login", "", jsonType, `{"email":"a@b.co"}`, 422, "invalid"},
		{"a wrong password", "POST", "/api/auth/login", "", jsonType, `{"email":"` + ana.Email + `","password":"` + secret + `"}`, 401, "bad_credentials"},

		{"no token", "GET", "/api/videos", "", "", "", 401, "unauthenticated"},
		{"another's video", "GET", mine, beto.Token, "", "", 403, "forbidden"},
		{"retrying another's", "POST", mine + "/retry", beto.Token, "", "", 403, "forbidden"},
		{"deleting another's", "DELETE", mine, beto.Token, "", "", 403, "forbidden"},
		{"retrying what did not fail", "POST", mine + "/retry", ana.Token, "", "", 400, "not_failed"},
		{"an unknown id", "GET", "/api/videos/" + nobodysID, ana.Token, "", "", 404, "not_found"},
		{"a malformed id", "GET", "/api/videos/1%27--", ana.Token, "", "", 404, "not_found"},
		{"deleting an unknown id", "DELETE", "/api/videos/" + nobodysID, ana.Token, "", "", 404, "not_found"},
		{"watching an unknown id", "GET", "/api/public/videos/" + nobodysID, "", "", "", 404, "not_found"},
		{"watching what is not published", "GET", "/api/public/videos/" + stored.VideoID, "", "", "", 404, "not_found"},
		{"voting on what is not published", "POST", vote, beto.Token, "", "", 404, "not_found"},
		{"unvoting what is not published", "DELETE", vote, beto.Token, "", "", 404, "not_found"},
		{"voting on a malformed id", "POST", "/api/public/videos/x/vote", beto.Token, "", "", 404, "not_found"},

		{"page 0", "GET", "/api/public/videos?page=0", "", "", "", 422, "invalid"},
		{"page x", "GET", "/api/public/rankings?page=x", "", "", "", 422, "invalid"},
		{"page_size 1000", "GET", "/api/public/videos?page_size=1000", "", "", "", 422, "invalid"},
		{"ranking page_size 1000", "GET", "/api/public/rankings?page_size=1000", "", "", "", 422, "invalid"},
		{"own page_size 0", "GET", "/api/videos?page_size=0", ana.Token, "", "", 422, "invalid"},
		{"an unknown order", "GET", "/api/public/videos?order=best", "", "", "", 422, "invalid"},
		{"an unknown status", "GET", "/api/videos?status=lost", ana.Token, "", "", 422, "invalid"},
		{"a city too long", "GET", "/api/public/rankings?city=" + strings.Repeat("x", 101), "", "", "", 422, "invalid"},
		{"a search that is no text", "GET", "/api/public/videos?q=%ff%00", "", "", "", 400, "malformed"},

		{"an upload that is no form", "POST", "/api/videos/upload", ana.Token, jsonType, `{}`, 415, "unsupported_media_type"},
		{"a title too long", "POST", "/api/videos/upload", ana.Token, longType, longTitle, 422, "invalid"},
		{"an unknown address", "GET", "/api/nothing", "", "", "", 404, "not_found"},
		{"a wrong method", "PUT", "/api/videos/upload", ana.Token, "", "", 405, "method_not_allowed"},
	} {
		spanish := s.inLanguage(t, "", test.method, test.path, test.token, test.contentType, test.body)
		english := s.inLanguage(t, "en-GB", test.method, test.path, test.token, test.contentType, test.body)
		if spanish.Status != test.status {
			t.Errorf("%s: status %d, want %d: %s", test.name, spanish.Status, test.status, spanish.Body)
			continue
		}
		var es, en problem
		spanish.want(t, test.status, test.code).into(t, &es)
		english.want(t, test.status, test.code).into(t, &en)
		if es.Detail == en.Detail || len(es.Errors) != len(en.Errors) || (test.code == "invalid") != (len(es.Errors) > 0) {
			t.Errorf("%s: %s and %s", test.name, spanish.Body, english.Body)
		}
		for i := range min(len(es.Errors), len(en.Errors)) {
			if es.Errors[i].Message == en.Errors[i].Message || es.Errors[i].Location != en.Errors[i].Location {
				t.Errorf("%s: %+v and %+v", test.name, es.Errors[i], en.Errors[i])
			}
		}
		if allow := spanish.Header.Get("Allow"); test.status == http.StatusMethodNotAllowed && !strings.Contains(allow, "POST") {
			t.Errorf("%s: Allow is %q", test.name, allow)
		}
		if strings.Contains(string(spanish.Body), "hunter2") {
			t.Errorf("%s: the answer repeats a password: %s", test.name, spanish.Body)
		}
	}

	if after := s.files(t); !slices.Equal(before, after) {
		t.Errorf("files were %v and are %v", before, after)
	}
	var was, is []video
	mineBefore.into(t, &was)
	ana.get(t, "/api/videos", ana.Token).into(t, &is)
	if len(was) != 1 || len(is) != 1 || is[0].Title != was[0].Title || is[0].Status != was[0].Status {
		t.Errorf("videos were %+v and are %+v", was, is)
	}
	s.login(t, "new@example.com", secret).want(t, http.StatusUnauthorized, "bad_credentials")
}

func clipBytes(t *testing.T) string {
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
