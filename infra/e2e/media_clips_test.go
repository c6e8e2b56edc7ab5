package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"risingstars/infra/cliptest"
)

// Whatever kind of clip a contestant uploads, the published rendition meets the processing profile.
func TestEveryKindOfClipMeetsTheProfile(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t, "MEDIA_MAX_CLIP_SECONDS=5")
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	tone := []string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"}
	// A white square in the middle of a blue picture, a third of the picture's height: stretching would turn it into a
	// rectangle.
	square := func(w, h, side, rate string) []string {
		return []string{"-f", "lavfi", "-i", "color=c=blue:size=" + w + "x" + h + ":rate=" + rate +
			",drawbox=x=(iw-" + side + ")/2:y=(ih-" + side + ")/2:w=" + side + ":h=" + side + ":c=white:t=fill"}
	}
	join := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	threeSeconds := []string{"-t", "3"}
	lying := cliptest.Make(t, "stored-lying.mp4", join(square("640", "360", "120", "30"), tone, threeSeconds, x264)...)
	landscape := cliptest.Make(t, "1080p60.mp4", join(square("1920", "1080", "360", "60"), tone, threeSeconds, x264)...)
	upright := cliptest.Make(t, "upright.mp4", "-i", lying, "-c", "copy", "-metadata:s:v", "rotate=90")
	variable := cliptest.Make(t, "vfr.mp4", join(square("640", "360", "120", "30"),
		[]string{"-vf", "select='not(mod(n\\,3))+lt(mod(n\\,20)\\,7)'", "-vsync", "vfr", "-t", "4"}, x264)...)
	long := cliptest.Make(t, "20s.mp4", join(square("320", "180", "60", "15"), tone, []string{"-t", "20"}, x264)...)
	for name, c := range map[string]struct {
		clip    string
		seconds float64 // of content, at most 5
		bars    bool    // left and right
		side    int     // of the square in the rendition, in pixels
		sound   bool
	}{
		"landscape 1080p60": {landscape, 3, false, 240, true},
		// 360×640 becomes 405×720 in the frame, so 120 pixels become 135.
		"a phone held upright": {upright, 3, true, 135, true},
		"variable frame rate":  {variable, 4, false, 240, false},
		"20 seconds":           {long, 5, false, 240, true},
	} {
		if stage() == aws && name != "a phone held upright" {
			continue // where a clip comes from changes nothing about its pictures
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ana := s.newPerson(t, "")
			v := ana.waitForFinal(t, ana.upload(t, c.clip, name))
			if v.Status != "processed" {
				t.Fatalf("the video is %+v", v)
			}
			r := download(t, s, v)
			r.wantProfile(t, c.seconds, c.sound)
			if diff := v.DurationSeconds - r.duration(t); diff < -0.1 || diff > 0.1 {
				t.Errorf("duration_seconds is %g, the file has %g", v.DurationSeconds, r.duration(t))
			}
			r.wantIntro(t)
			r.wantPicture(t, c.bars, c.side)
		})
	}
}

func TestSoundIsRemovedWhenConfigured(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "MEDIA_AUDIO=remove")
	ana := s.newPerson(t, "")
	v := ana.waitForFinal(t, ana.upload(t, shortClip(t), "Muda"))
	if v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	download(t, s, v).wantProfile(t, 2, false)
}

func TestClipsThatBreakTheRulesAreRejected(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "MEDIA_MIN_SECONDS=20", "MEDIA_MAX_SECONDS=60", "MEDIA_MIN_HEIGHT=1080")
	ana := s.newPerson(t, "")
	long := cliptest.Make(t, "75s-small.mp4", "-f", "lavfi", "-i", "color=size=64x64:rate=5", "-t", "75",
		"-c:v", "libx264", "-preset", "ultrafast")
	low := cliptest.Make(t, "30s-small.mp4", "-f", "lavfi", "-i", "color=size=64x64:rate=5", "-t", "30",
		"-c:v", "libx264", "-preset", "ultrafast")
	sound := cliptest.Make(t, "sound.mp4", "-f", "lavfi", "-i", "sine", "-t", "30", "-c:a", "aac")
	for clip, code := range map[string]string{
		shortClip(t): "too_short", long: "too_long", low: "resolution_too_low", sound: "no_video_stream",
	} {
		id := ana.upload(t, clip, code)
		v := ana.waitForFinal(t, id)
		if v.Status != "failed" || v.Failure == nil || v.Failure.Code != code || v.Failure.Detail == "" {
			t.Errorf("%s: %+v %+v", code, v, v.Failure)
		}
	}
	eventually(t, "the queue is empty", func() bool { return s.countTasks(t) == 0 })
	s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "")
}

// download fetches the rendition through its public link.
func download(t *testing.T, s *site, v video) rendition {
	t.Helper()
	content := s.get(t, v.ProcessedURL, "").want(t, http.StatusOK, "").Body
	path := filepath.Join(t.TempDir(), "rendition.mp4")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return rendition{path, content}
}
