package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"risingstars/infra/contracttest"
)

// apiResponse is an HTTP response whose body has been read.
type apiResponse contracttest.Answer

// problem is an error document of the API.
type problem struct {
	Type, Title, Detail, Code string
	Status                    int
	RequestID                 string `json:"request_id"`
	Errors                    []struct{ Location, Message string }
}

// decode reads the body, which must be JSON, into v.
func (a apiResponse) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
}

// want fails the test unless the response has the status. If code is not "", the body must be a complete problem
// document with that code.
func (a apiResponse) want(t *testing.T, status int, code string) apiResponse {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	if code == "" {
		return a
	}
	var p problem
	a.decode(t, &p)
	if p.Code != code || p.Status != status || p.Title == "" || p.Detail == "" || p.Type == "" || p.RequestID == "" ||
		a.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("problem %s (%s), want code %q", a.Body, a.Header.Get("Content-Type"), code)
	}
	return a
}

// do sends a request to a path of the site, or to a whole URL; token "" is anonymous.
func (s *site) do(t *testing.T, method, path, token, contentType string, body io.Reader) apiResponse {
	t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = s.URL + path
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return send(t, request)
}

// send sends a request, and checks the answer against the document of the API.
func send(t *testing.T, request *http.Request) apiResponse {
	t.Helper()
	response, err := contracttest.Client(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return apiResponse{response.StatusCode, response.Header, content}
}

func (s *site) get(t *testing.T, path, token string) apiResponse {
	t.Helper()
	return s.do(t, http.MethodGet, path, token, "", nil)
}

func (s *site) post(t *testing.T, path, token string, body any) apiResponse {
	t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return s.do(t, http.MethodPost, path, token, "application/json", bytes.NewReader(content))
}

// person is an account that is signed in.
type person struct {
	*site
	ID, Email, Token string
}

const password = "correct horse battery"

// personCount numbers the accounts of all tests.
var personCount atomic.Int64

// newPerson creates an account and signs in; city "" is Bogotá.
func (s *site) newPerson(t *testing.T, city string) *person {
	t.Helper()
	if city == "" {
		city = "Bogotá"
	}
	n := personCount.Add(1)
	p := &person{site: s, Email: fmt.Sprintf("person%d@example.com", n)}
	var account struct{ ID string }
	s.post(t, "/api/auth/signup", "", map[string]string{
		"email": p.Email, "password1": password, "password2": password,
		"first_name": "Person", "last_name": fmt.Sprintf("No. %d", n), "city": city, "country": "Colombia",
	}).want(t, http.StatusCreated, "").decode(t, &account)
	var session struct {
		Token string `json:"access_token"`
	}
	form := url.Values{"username": {p.Email}, "password": {password}}.Encode()
	s.do(t, http.MethodPost, "/api/auth/login", "", "application/x-www-form-urlencoded", strings.NewReader(form)).
		want(t, http.StatusOK, "").decode(t, &session)
	p.ID, p.Token = account.ID, session.Token
	return p
}

// video is a video as the API returns it.
type video struct {
	VideoID         string `json:"video_id"`
	TaskID          string `json:"task_id"`
	UserID          string `json:"user_id"`
	Title           string
	Description     string
	Status          string
	Step            string `json:"stage"`
	Progress        int
	DurationSeconds float64 `json:"duration_seconds"`
	OriginalURL     string  `json:"original_url"`
	ProcessedURL    string  `json:"processed_url"`
	PosterURL       string  `json:"poster_url"`
	Votes           int
	Failure         *struct{ Code, Detail string }
}

// part is one field of a multipart form; File makes it a file with this name.
type part struct{ Name, Value, File string }

// multipartBody encodes a form.
func multipartBody(t *testing.T, parts ...part) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, p := range parts {
		create := func() (io.Writer, error) { return w.CreateFormField(p.Name) }
		if p.File != "" {
			create = func() (io.Writer, error) { return w.CreateFormFile(p.Name, p.File) }
		}
		field, err := create()
		if err == nil {
			_, err = io.WriteString(field, p.Value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), body
}

// postUploadForm posts a multipart form to the upload's address.
func (p *person) postUploadForm(t *testing.T, parts ...part) apiResponse {
	t.Helper()
	contentType, body := multipartBody(t, parts...)
	return p.do(t, http.MethodPost, "/api/videos/upload", p.Token, contentType, body)
}

// upload sends a clip and returns the new video's id.
func (p *person) upload(t *testing.T, clip, title string) string {
	t.Helper()
	var v video
	p.tryUpload(t, clip, title).want(t, http.StatusCreated, "").decode(t, &v)
	return v.VideoID
}

// tryUpload is upload for a clip that may be refused.
func (p *person) tryUpload(t *testing.T, clip, title string) apiResponse {
	t.Helper()
	return p.postUploadForm(t, part{"file", readFile(t, clip), "clip.mp4"}, part{Name: "title", Value: title})
}

// uploadMock sends a clip that is stored but not processed, unless processMocks is called; it needs
// LOAD_TEST_ENDPOINTS=true.
func (p *person) uploadMock(t *testing.T, clip, title string) string {
	t.Helper()
	contentType, body := multipartBody(t,
		part{"file", readFile(t, clip), "clip.mp4"}, part{Name: "title", Value: title})
	var v video
	p.do(t, http.MethodPost, "/api/videos/upload-mock", p.Token, contentType, body).
		want(t, http.StatusAccepted, "").decode(t, &v)
	return v.VideoID
}

// processMocks turns the mocks into ordinary videos, which the sweeper then sends to the workers.
func (s *site) processMocks(t *testing.T) {
	t.Helper()
	s.execSQL(t, `UPDATE media_videos SET mock = ?`, false)
}

// video reads one of the person's videos.
func (p *person) video(t *testing.T, id string) video {
	t.Helper()
	var v video
	p.get(t, "/api/videos/"+id, p.Token).want(t, http.StatusOK, "").decode(t, &v)
	return v
}

// waitForFinal waits until the video is processed or failed, and returns it.
func (p *person) waitForFinal(t *testing.T, id string) video {
	t.Helper()
	var v video
	eventually(t, "video "+id+" is final", func() bool {
		v = p.video(t, id)
		return v.Status == "processed" || v.Status == "failed"
	})
	return v
}
