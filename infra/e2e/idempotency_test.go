package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// postWithKey posts a body with an Idempotency-Key.
func (p *person) postWithKey(t *testing.T, path, key, contentType string, body io.Reader) apiResponse {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	request.Header.Set("Idempotency-Key", key)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return send(t, request)
}

func (p *person) uploadWithKey(t *testing.T, key string, parts ...part) apiResponse {
	t.Helper()
	contentType, body := multipartBody(t, parts...)
	return p.postWithKey(t, "/api/videos/upload", key, contentType, body)
}

func (p *person) postJSONWithKey(t *testing.T, path, key string, body any) apiResponse {
	t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return p.postWithKey(t, path, key, "application/json", bytes.NewReader(content))
}

func wantReplayed(t *testing.T, a apiResponse, first apiResponse) {
	t.Helper()
	if a.Status != first.Status || a.Header.Get("Idempotency-Replayed") != "true" || !bytes.Equal(a.Body, first.Body) {
		t.Errorf("%d %v %s, want %d %s again", a.Status, a.Header, a.Body, first.Status, first.Body)
	}
}

// wantVideos fails the test unless the person has so many videos, and storage so many originals.
func (p *person) wantVideos(t *testing.T, want int) {
	t.Helper()
	var videos []video
	p.get(t, "/api/videos", p.Token).want(t, http.StatusOK, "").decode(t, &videos)
	originals := 0
	for _, file := range p.storedFiles(t) {
		if strings.HasPrefix(file, "uploads/") {
			originals++
		}
	}
	if len(videos) != want || originals != want {
		t.Errorf("%d videos and %d originals, want %d", len(videos), originals, want)
	}
}

// forgetAnswers makes all keys those of a process that was killed after its last effect and before it kept its answer.
func (s *site) forgetAnswers(t *testing.T) {
	t.Helper()
	s.execSQL(t, `UPDATE idempotency_keys SET answer = '', lease_until = 0`)
}

func TestARepeatedUploadHasOneEffectEvenAfterAKill(t *testing.T) {
	onlyInStage(t, embedded, aws) // both databases, disk and S3
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	file, title := part{"file", shortClipContent(t), "clip.mp4"}, part{Name: "title", Value: "Una sola vez"}
	first := ana.uploadWithKey(t, "one", title, file).want(t, http.StatusCreated, "")
	var made video
	first.decode(t, &made)

	renamed := part{"video_file", file.Value, "other.mp4"}
	wantReplayed(t, ana.uploadWithKey(t, "one", renamed, title), first) // its fields in another order
	for name, parts := range map[string][]part{
		"another title":       {file, {Name: "title", Value: "Otra"}},
		"another description": {file, title, {Name: "description", Value: "Más"}},
		"another file":        {title, {"file", file.Value + "\x00", "clip.mp4"}},
	} {
		a := ana.uploadWithKey(t, "one", parts...)
		if code := problemCode(t, a); a.Status != http.StatusUnprocessableEntity || code != "idempotency_mismatch" {
			t.Errorf("%s: %d %s", name, a.Status, code)
		}
	}
	ana.uploadWithKey(t, strings.Repeat("k", 256), title, file).
		want(t, http.StatusBadRequest, "idempotency_key_invalid")
	beto := s.newPerson(t, "")
	other := beto.uploadWithKey(t, "one", title, part{"file", "no video", "a.mp4"})
	other.want(t, http.StatusBadRequest, "not_a_video") // somebody else's key, which an error frees
	other = beto.uploadWithKey(t, "one", part{Name: "title", Value: "x"}, part{Name: "title", Value: " "})
	other.want(t, http.StatusUnprocessableEntity, "invalid")

	// Direct uploads, which are JSON.
	about := map[string]any{
		"title": "Directa", "filename": "clip.mp4", "content_type": "video/mp4", "size": len(file.Value),
	}
	begun := ana.postJSONWithKey(t, "/api/videos/uploads", "two", about).want(t, http.StatusCreated, "")
	wantReplayed(t, ana.postJSONWithKey(t, "/api/videos/uploads", "two", about), begun)
	var direct directUpload
	begun.decode(t, &direct)
	about["title"] = "Otra"
	ana.postJSONWithKey(t, "/api/videos/uploads", "two", about).
		want(t, http.StatusUnprocessableEntity, "idempotency_mismatch")
	about["title"] = "Directa"

	s.kill(t)
	s.start(t)
	ana.site.URL = s.URL
	wantReplayed(t, ana.uploadWithKey(t, "one", title, file), first)
	wantReplayed(t, ana.postJSONWithKey(t, "/api/videos/uploads", "two", about), begun)
	ana.wantVideos(t, 1)

	// What was done before a kill is found, and not done again.
	s.forgetAnswers(t)
	ana.uploadWithKey(t, "one", part{Name: "title", Value: "Otra"}, file).
		want(t, http.StatusUnprocessableEntity, "idempotency_mismatch")
	var again video
	found := ana.uploadWithKey(t, "one", title, file).want(t, http.StatusCreated, "")
	if found.decode(t, &again); again.VideoID != made.VideoID {
		t.Errorf("the video is %s, want %s", again.VideoID, made.VideoID)
	}
	wantReplayed(t, ana.uploadWithKey(t, "one", title, file), found)
	var resumed directUpload
	ana.postJSONWithKey(t, "/api/videos/uploads", "two", about).want(t, http.StatusCreated, "").decode(t, &resumed)
	if resumed.UploadID != direct.UploadID {
		t.Errorf("the upload is %s, want %s", resumed.UploadID, direct.UploadID)
	}
	ana.wantVideos(t, 1)

	ana.putPart(t, resumed.Parts[0].URL, []byte(file.Value)).want(t, http.StatusOK, "")
	complete := "/api/videos/uploads/" + direct.UploadID + "/complete"
	completed := ana.postWithKey(t, complete, "three", "", nil).want(t, http.StatusCreated, "")
	wantReplayed(t, ana.postWithKey(t, complete, "three", "", nil), completed)
	s.forgetAnswers(t)
	completed = ana.postWithKey(t, complete, "three", "", nil).want(t, http.StatusCreated, "")
	if completed.decode(t, &again); again.VideoID != direct.UploadID {
		t.Errorf("the video is %s, want %s", again.VideoID, direct.UploadID)
	}
	ana.wantVideos(t, 2)
}

func TestTheKeyOfAnUploadThatAKillCutOffIsFreeSoon(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	title, file := part{Name: "title", Value: "Hola"}, part{"file", shortClipContent(t), "clip.mp4"}
	contentType, body := multipartBody(t, title, file)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/videos/upload", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+ana.Token)
	request.Header.Set("Idempotency-Key", "k")
	request.Header.Set("Content-Type", contentType)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
		}
	}()
	if _, err := writer.Write(body.Bytes()[:body.Len()/2]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key is claimed", func() bool {
		return s.queryInt(t, `SELECT COUNT(*) AS n FROM idempotency_keys`) == 1
	})
	a := ana.uploadWithKey(t, "k", title, file).want(t, http.StatusConflict, "idempotency_in_progress")
	if a.Header.Get("Retry-After") == "" {
		t.Errorf("%v do not say when to try again", a.Header)
	}
	s.kill(t)
	cancel()
	writer.Close()
	<-ended
	s.start(t)
	ana.site.URL = s.URL
	eventually(t, "the key is free", func() bool {
		a = ana.uploadWithKey(t, "k", title, file)
		return a.Status != http.StatusConflict
	})
	a.want(t, http.StatusCreated, "")
	var videos []video
	if ana.get(t, "/api/videos", ana.Token).decode(t, &videos); len(videos) != 1 {
		t.Errorf("%d videos, want 1", len(videos))
	}
}
