package e2e

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// direct is the API's upload that goes straight to storage.
type direct struct {
	UploadID string `json:"upload_id"`
	Size     int64
	PartSize int64 `json:"part_size"`
	Parts    []struct {
		Number   int
		Size     int64
		Received bool
		URL      string
	}
	URLsExpireAt time.Time `json:"urls_expire_at"`
	ExpiresAt    time.Time `json:"expires_at"`
}

// beginDirect announces a clip of size bytes.
func (p *person) beginDirect(t *testing.T, size int) direct {
	t.Helper()
	var d direct
	p.post(t, "/api/videos/uploads", p.Token, map[string]any{
		"title": "Directa", "description": "Sin rodeos", "filename": "clip.mp4", "content_type": "video/mp4", "size": size, "start_seconds": 0.5,
	}).want(t, http.StatusCreated, "").into(t, &d)
	return d
}

// putPart sends content to a part's URL, as a browser does: no token, no type.
func (s *site) putPart(t *testing.T, url string, content []byte) answer {
	t.Helper()
	return s.do(t, http.MethodPut, url, "", "", bytes.NewReader(content))
}

// largeClip has more than one part.
func largeClip(t *testing.T) string {
	t.Helper()
	return makeClip(t, "large.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30,noise=c0s=60:c0f=t+u", "-t", "2.5",
		"-c:v", "libx264", "-preset", "ultrafast", "-qp", "1", "-pix_fmt", "yuv420p")
}

func TestAClipGoesStraightToStorage(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	ana, bob := s.join(t, ""), s.join(t, "")
	content, err := os.ReadFile(largeClip(t))
	if err != nil {
		t.Fatal(err)
	}
	d := ana.beginDirect(t, len(content))
	if len(d.Parts) < 2 || d.Size != int64(len(content)) {
		t.Fatalf("%d bytes are announced as %+v, want several parts", len(content), d)
	}
	if life := time.Until(d.URLsExpireAt); life < 50*time.Minute || life > time.Hour || time.Until(d.ExpiresAt) < 23*time.Hour {
		t.Errorf("the URLs expire at %s, the upload at %s", d.URLsExpireAt, d.ExpiresAt)
	}
	path := "/api/videos/uploads/" + d.UploadID
	slice := func(i int) []byte {
		from := int64(i) * d.PartSize
		return content[from : from+d.Parts[i].Size]
	}

	// The last one first; what has arrived is known, and survives a refused completion and a new process.
	last := len(d.Parts) - 1
	sent := s.putPart(t, d.Parts[last].URL, slice(last)).want(t, http.StatusOK, "")
	if sent.Header.Get("ETag") == "" {
		t.Error("a part's answer has no ETag")
	}
	s.post(t, path+"/complete", ana.Token, nil).want(t, http.StatusBadRequest, "upload_incomplete")
	other := s.processes[0]
	if stage() != embedded {
		other = s.startRole(t, "serve")
	}
	var resumed direct
	s.do(t, http.MethodGet, other.URL+path, ana.Token, "", nil).want(t, http.StatusOK, "").into(t, &resumed)
	for i, p := range resumed.Parts {
		if p.Received != (i == last) || (p.URL == "") != p.Received || p.Size != d.Parts[i].Size {
			t.Errorf("part %d is %+v", i+1, p)
		}
		if !p.Received {
			s.putPart(t, p.URL, slice(i)).want(t, http.StatusOK, "")
		}
	}

	var open []direct
	s.get(t, "/api/videos/uploads", ana.Token).want(t, http.StatusOK, "").into(t, &open)
	if len(open) != 1 || open[0].UploadID != d.UploadID || open[0].Size != d.Size {
		t.Errorf("under way are %+v", open)
	}
	for _, call := range []struct{ method, path string }{
		{http.MethodGet, path}, {http.MethodPost, path + "/complete"}, {http.MethodDelete, path},
	} {
		s.do(t, call.method, call.path, bob.Token, "", nil).want(t, http.StatusForbidden, "forbidden")
		s.do(t, call.method, call.path, "", "", nil).want(t, http.StatusUnauthorized, "unauthenticated")
	}

	var v video
	s.do(t, http.MethodPost, other.URL+path+"/complete", ana.Token, "", nil).want(t, http.StatusCreated, "").into(t, &v)
	if v.VideoID != d.UploadID || v.TaskID != v.VideoID || v.UserID != ana.ID || v.Title != "Directa" || v.Status != "uploaded" {
		t.Errorf("completed: %+v", v)
	}
	s.post(t, path+"/complete", ana.Token, nil).want(t, http.StatusCreated, "") // the answer could have been lost
	s.get(t, path, ana.Token).want(t, http.StatusNotFound, "not_found")
	s.wantPartRefused(t, d.Parts[0].URL, slice(0))

	v = ana.final(t, v.VideoID)
	// 0.5 s of 2.5 are skipped; two bumpers of 2.5 s come with it.
	if v.Status != "processed" || v.DurationSeconds < 6.9 || v.DurationSeconds > 7.1 || v.Description != "Sin rodeos" {
		t.Errorf("the video is %+v, want 7 s of it", v)
	}
	original := s.get(t, v.OriginalURL, "").want(t, http.StatusOK, "")
	if !bytes.Equal(original.Body, content) {
		t.Errorf("the original has %d bytes, not the %d that were sent", len(original.Body), len(content))
	}
	s.wantOnlyPublished(t, ana, v)
}

// wantPartRefused fails the test unless the part is not taken: storage says so in its own words, or hangs up.
func (s *site) wantPartRefused(t *testing.T, url string, content []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // what a refused body leaves on a connection would disturb the next request
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Logf("a part without an answer: %v", errors.Unwrap(err))
		return
	}
	defer response.Body.Close()
	if response.StatusCode < 400 || response.StatusCode > 499 {
		t.Errorf("a part of %d bytes is answered %s", len(content), response.Status)
	}
}

func TestADirectUploadIsWhatWasAnnounced(t *testing.T) {
	t.Parallel()
	s := startSite(t, "MAX_UPLOAD_BYTES=20000000")
	ana := s.join(t, "")
	fields := func(changes ...string) map[string]any {
		m := map[string]any{"title": "Directa", "content_type": "video/mp4", "size": 1000}
		for _, change := range changes {
			name, value, _ := strings.Cut(change, "=")
			m[name] = value
			if value == "" {
				delete(m, name)
			}
		}
		return m
	}
	sized := func(size any) map[string]any {
		m := fields()
		m["size"] = size
		return m
	}
	for name, c := range map[string]struct {
		body   map[string]any
		status int
		code   string
	}{
		"no title":      {fields("title="), 422, "invalid"},
		"blank title":   {fields("title=   "), 422, "invalid"},
		"long title":    {fields("title=" + strings.Repeat("x", 201)), 422, "invalid"},
		"no size":       {fields("size="), 422, "invalid"},
		"size 0":        {sized(0), 422, "invalid"},
		"negative size": {sized(-1), 422, "invalid"},
		"half a byte":   {sized(0.5), 422, "invalid"},
		"too large":     {sized(20_000_001), 413, "too_large"},
		"an image":      {fields("content_type=image/png"), 422, "invalid"},
		"no type":       {fields("content_type="), 422, "invalid"},
		"bad start":     {fields("start_seconds=x"), 422, "invalid"},
	} {
		if got := s.post(t, "/api/videos/uploads", ana.Token, c.body); got.Status != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, got.Status, c.status, got.Body)
		} else {
			got.want(t, c.status, c.code)
		}
	}

	const text = "these are the bytes of a text, not of a video; nothing else is wrong with them"
	d := ana.beginDirect(t, len(text))
	for _, content := range []string{text[1:], text + "!", ""} {
		s.wantPartRefused(t, d.Parts[0].URL, []byte(content))
	}
	s.wantPartRefused(t, strings.Replace(d.Parts[0].URL, d.UploadID, strings.Repeat("0", 36), 1), []byte(text))
	s.putPart(t, d.Parts[0].URL, []byte(text)).want(t, http.StatusOK, "")
	path := "/api/videos/uploads/" + d.UploadID
	s.post(t, path+"/complete", ana.Token, nil).want(t, http.StatusBadRequest, "not_a_video")
	s.post(t, path+"/complete", ana.Token, nil).want(t, http.StatusNotFound, "not_found")

	given := ana.beginDirect(t, len(text))
	s.putPart(t, given.Parts[0].URL, []byte(text)).want(t, http.StatusOK, "")
	path = "/api/videos/uploads/" + given.UploadID
	s.do(t, http.MethodDelete, path, ana.Token, "", nil).want(t, http.StatusOK, "")
	s.do(t, http.MethodDelete, path, ana.Token, "", nil).want(t, http.StatusNotFound, "not_found")
	s.wantPartRefused(t, given.Parts[0].URL, []byte(text))
	s.get(t, "/api/videos/uploads/nonsense", ana.Token).want(t, http.StatusNotFound, "not_found")
	ana.wantNothing(t)
}
