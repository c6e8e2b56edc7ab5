package e2e

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"risingstars/infra/cliptest"
)

// A start beyond the clip's end is refused at the upload, by form and straight to storage. If a clip does not state its
// length, the worker rejects it instead.
func TestStartBeyondTheEndIsRefusedAtUpload(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	content, err := os.ReadFile(tinyClip(t))
	if err != nil {
		t.Fatal(err)
	}
	wantRefused := func(got apiResponse) {
		t.Helper()
		got.want(t, http.StatusUnprocessableEntity, "invalid")
		for _, part := range []string{"body.start_seconds", "los 1,0 segundos que dura"} {
			if !strings.Contains(string(got.Body), part) {
				t.Errorf("%q is not in %s", part, got.Body)
			}
		}
	}
	title := part{Name: "title", Value: "Hola"}
	file := part{"file", string(content), "clip.mp4"}
	wantRefused(ana.postUploadForm(t, title, part{Name: "start_seconds", Value: "1"}, file))
	wantRefused(ana.postUploadForm(t, file, part{Name: "start_seconds", Value: "7200"}, title))
	ana.wantNothingLeft(t)

	var d directUpload
	s.post(t, "/api/videos/uploads", ana.Token, map[string]any{
		"title": "Directa", "content_type": "video/mp4", "size": len(content), "start_seconds": 1.5,
	}).want(t, http.StatusCreated, "").decode(t, &d)
	s.putPart(t, d.Parts[0].URL, content).want(t, http.StatusOK, "")
	path := "/api/videos/uploads/" + d.UploadID + "/complete"
	wantRefused(s.post(t, path, ana.Token, nil)) // and the bytes stay
	s.post(t, path, ana.Token, map[string]any{"start_seconds": 0.5}).want(t, http.StatusCreated, "")

	fragmented := cliptest.Make(t, "live.mp4",
		"-i", tinyClip(t), "-c", "copy", "-movflags", "frag_keyframe+empty_moov")
	var uploaded struct {
		VideoID string `json:"video_id"`
	}
	file = part{"file", readFile(t, fragmented), "live.mp4"}
	ana.postUploadForm(t, title, part{Name: "start_seconds", Value: "60"}, file).
		want(t, http.StatusCreated, "").decode(t, &uploaded)
	v := ana.waitForFinal(t, uploaded.VideoID)
	if v.Status != "failed" || v.Failure == nil || v.Failure.Code != "start_beyond_end" {
		t.Errorf("a clip that does not state its length became %+v", v)
	}
}
