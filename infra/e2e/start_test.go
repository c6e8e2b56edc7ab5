package e2e

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestAStartBehindTheEndIsRefusedAtTheUpload is of a clip of one second, on both ways that a clip can come. One that does
// not state its length is found out by the worker.
func TestAStartBehindTheEndIsRefusedAtTheUpload(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	ana := s.join(t, "")
	content, err := os.ReadFile(tinyClip(t))
	if err != nil {
		t.Fatal(err)
	}
	wantRefused := func(got answer) {
		t.Helper()
		got.want(t, http.StatusUnprocessableEntity, "invalid")
		for _, part := range []string{"body.start_seconds", "dura 1,0 segundos"} {
			if !strings.Contains(string(got.Body), part) {
				t.Errorf("%q is not in %s", part, got.Body)
			}
		}
		ana.wantNothing(t)
	}
	title := part{Name: "title", Value: "Hola"}
	wantRefused(ana.form(t, title, part{Name: "start_seconds", Value: "1"}, part{"file", string(content), "clip.mp4"}))
	wantRefused(ana.form(t, part{"file", string(content), "clip.mp4"}, part{Name: "start_seconds", Value: "7200"}, title))

	var d direct
	s.post(t, "/api/videos/uploads", ana.Token, map[string]any{
		"title": "Directa", "content_type": "video/mp4", "size": len(content), "start_seconds": 1.5,
	}).want(t, http.StatusCreated, "").into(t, &d)
	s.putPart(t, d.Parts[0].URL, content).want(t, http.StatusOK, "")
	path := "/api/videos/uploads/" + d.UploadID + "/complete"
	wantRefused(s.post(t, path, ana.Token, nil))
	s.post(t, path, ana.Token, nil).want(t, http.StatusNotFound, "not_found")

	silent, err := os.ReadFile(makeClip(t, "live.mp4", "-i", tinyClip(t), "-c", "copy", "-movflags", "frag_keyframe+empty_moov"))
	if err != nil {
		t.Fatal(err)
	}
	var uploaded struct {
		VideoID string `json:"video_id"`
	}
	ana.form(t, title, part{Name: "start_seconds", Value: "60"}, part{"file", string(silent), "live.mp4"}).
		want(t, http.StatusCreated, "").into(t, &uploaded)
	if v := ana.final(t, uploaded.VideoID); v.Status != "failed" || v.Failure == nil || v.Failure.Code != "start_beyond_end" {
		t.Errorf("a clip that states no length became %+v", v)
	}
}
