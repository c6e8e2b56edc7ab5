package e2e

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"risingstars/infra/cliptest"
	"risingstars/infra/contracttest"
)

// directUpload is an upload straight to storage, as the API returns it.
type directUpload struct {
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

// beginDirectUpload announces a clip of size bytes.
func (p *person) beginDirectUpload(t *testing.T, size int) directUpload {
	t.Helper()
	var d directUpload
	p.post(t, "/api/videos/uploads", p.Token, map[string]any{
		"title": "Directa", "description": "Sin rodeos",
		"filename": "clip.mp4", "content_type": "video/mp4", "size": size, "start_seconds": 0.5,
	}).want(t, http.StatusCreated, "").decode(t, &d)
	return d
}

// putPart sends content to a part's URL, as a browser does: without a token and a content type.
func (s *site) putPart(t *testing.T, url string, content []byte) apiResponse {
	t.Helper()
	return s.do(t, http.MethodPut, url, "", "", bytes.NewReader(content))
}

// largeClip returns a clip that is uploaded in more than one part.
func largeClip(t *testing.T) string {
	t.Helper()
	return cliptest.Make(t, "large.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
		"-t", "2.5", "-c:v", "libx264", "-preset", "ultrafast",
		"-x264-params", "nal-hrd=cbr:force-cfr=1", // with filler
		"-b:v", "60M", "-minrate", "60M", "-maxrate", "60M", "-bufsize", "20M", "-pix_fmt", "yuv420p")
}

func TestDirectUploadGoesStraightToStorage(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := newSite(t).withSmall()
	s.start(t)
	ana, bob := s.newPerson(t, ""), s.newPerson(t, "")
	content, err := os.ReadFile(largeClip(t))
	if err != nil {
		t.Fatal(err)
	}
	d := ana.beginDirectUpload(t, len(content))
	if len(d.Parts) < 2 || d.Size != int64(len(content)) {
		t.Fatalf("%d bytes are announced as %+v, want several parts", len(content), d)
	}
	urlsExpireIn := time.Until(d.URLsExpireAt)
	if urlsExpireIn < 50*time.Minute || urlsExpireIn > time.Hour || time.Until(d.ExpiresAt) < 23*time.Hour {
		t.Errorf("the URLs expire at %s, the upload at %s", d.URLsExpireAt, d.ExpiresAt)
	}
	path := "/api/videos/uploads/" + d.UploadID
	slice := func(i int) []byte {
		from := int64(i) * d.PartSize
		return content[from : from+d.Parts[i].Size]
	}

	// The last part goes first. The app knows that it has arrived, also after a refused completion and in another
	// process.
	last := len(d.Parts) - 1
	sent := s.putPart(t, d.Parts[last].URL, slice(last)).want(t, http.StatusOK, "")
	if sent.Header.Get("ETag") == "" {
		t.Error("the response to a part has no ETag")
	}
	s.post(t, path+"/complete", ana.Token, nil).want(t, http.StatusBadRequest, "upload_incomplete")
	other := s.processes[0]
	if stage() != embedded {
		other = s.startRole(t, "serve")
	}
	var resumed directUpload
	s.do(t, http.MethodGet, other.URL+path, ana.Token, "", nil).want(t, http.StatusOK, "").decode(t, &resumed)
	for i, p := range resumed.Parts {
		if p.Received != (i == last) || (p.URL == "") != p.Received || p.Size != d.Parts[i].Size {
			t.Errorf("part %d is %+v", i+1, p)
		}
		if !p.Received {
			s.putPart(t, p.URL, slice(i)).want(t, http.StatusOK, "")
		}
	}

	var open []directUpload
	s.get(t, "/api/videos/uploads", ana.Token).want(t, http.StatusOK, "").decode(t, &open)
	if len(open) != 1 || open[0].UploadID != d.UploadID || open[0].Size != d.Size {
		t.Errorf("the open uploads are %+v", open)
	}
	for _, call := range []struct{ method, path string }{
		{http.MethodGet, path}, {http.MethodPost, path + "/complete"}, {http.MethodDelete, path},
	} {
		s.do(t, call.method, call.path, bob.Token, "", nil).want(t, http.StatusForbidden, "forbidden")
		s.do(t, call.method, call.path, "", "", nil).want(t, http.StatusUnauthorized, "unauthenticated")
	}

	var v video
	s.do(t, http.MethodPost, other.URL+path+"/complete", ana.Token, "", nil).
		want(t, http.StatusCreated, "").decode(t, &v)
	if v.VideoID != d.UploadID || v.TaskID != v.VideoID || v.UserID != ana.ID || v.Title != "Directa" ||
		v.Status != "uploaded" {
		t.Errorf("the completed upload is %+v", v)
	}
	// A client whose response was lost completes again.
	s.post(t, path+"/complete", ana.Token, nil).want(t, http.StatusCreated, "")
	s.get(t, path, ana.Token).want(t, http.StatusNotFound, "not_found")
	s.wantPartRefused(t, d.Parts[0].URL, slice(0))

	v = ana.waitForFinal(t, v.VideoID)
	// The first 0.5 of 2.5 s are skipped, and two bumpers of 2.5 s are added.
	if v.Status != "processed" || v.DurationSeconds < 6.9 || v.DurationSeconds > 7.1 || v.Description != "Sin rodeos" {
		t.Errorf("the video is %+v, want 7 s", v)
	}
	original := s.get(t, v.OriginalURL, "").want(t, http.StatusOK, "")
	if !bytes.Equal(original.Body, content) {
		t.Errorf("the original has %d bytes, not the %d that were sent", len(original.Body), len(content))
	}
	s.wantOnlyPublished(t, ana, v)
}

// wantPartRefused fails the test unless the part is refused, either by a 4xx response or by a closed connection.
func (s *site) wantPartRefused(t *testing.T, url string, content []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // the rest of a refused body would disturb the next request on the connection
	response, err := contracttest.Client(t).Do(request)
	if err != nil {
		t.Logf("a part got no response: %v", errors.Unwrap(err))
		return
	}
	defer response.Body.Close()
	if response.StatusCode < 400 || response.StatusCode > 499 {
		t.Errorf("a part of %d bytes is answered with %s", len(content), response.Status)
	}
}

func TestDirectUploadMustMatchItsAnnouncement(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t, "MAX_UPLOAD_BYTES=20000000")
	ana := s.newPerson(t, "")
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
	d := ana.beginDirectUpload(t, len(text))
	for _, content := range []string{text[1:], text + "!", ""} {
		s.wantPartRefused(t, d.Parts[0].URL, []byte(content))
	}
	s.wantPartRefused(t, strings.Replace(d.Parts[0].URL, d.UploadID, strings.Repeat("0", 36), 1), []byte(text))
	s.putPart(t, d.Parts[0].URL, []byte(text)).want(t, http.StatusOK, "")
	path := "/api/videos/uploads/" + d.UploadID
	s.post(t, path+"/complete", ana.Token, nil).want(t, http.StatusBadRequest, "not_a_video")
	s.post(t, path+"/complete", ana.Token, nil).want(t, http.StatusNotFound, "not_found")

	canceled := ana.beginDirectUpload(t, len(text))
	s.putPart(t, canceled.Parts[0].URL, []byte(text)).want(t, http.StatusOK, "")
	path = "/api/videos/uploads/" + canceled.UploadID
	s.do(t, http.MethodDelete, path, ana.Token, "", nil).want(t, http.StatusOK, "")
	s.do(t, http.MethodDelete, path, ana.Token, "", nil).want(t, http.StatusNotFound, "not_found")
	s.wantPartRefused(t, canceled.Parts[0].URL, []byte(text))
	s.get(t, "/api/videos/uploads/nonsense", ana.Token).want(t, http.StatusNotFound, "not_found")
	ana.wantNothingLeft(t)
}
