package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"risingstars/assets"
)

// ownBrand returns a folder with a watermark alone: clips have no bumpers.
func ownBrand(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	star, err := assets.Branding().Open("star.png")
	if err != nil {
		t.Fatal(err)
	}
	defer star.Close()
	mark, err := os.Create(filepath.Join(dir, "watermark.png"))
	if err == nil {
		_, err = mark.ReadFrom(star)
	}
	if err == nil {
		err = mark.Close()
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "branding.yaml"), []byte("intro: none\noutro: none\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// takes is what `app rebrand` says before it asks.
var takes = regexp.MustCompile(`2 clips are to be made again: [\d.hms ]+ of work for one job at a time ` +
	`\([\d.ms]+ each, as the latest jobs took\), [\d.]+ MiB of originals to read`)

// A rebranding survives that everything is killed in the middle of a job. Meanwhile every clip is public and plays, as
// the old one or as the new one.
func TestKilledAppGoesOnToRebrand(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	first, second := ana.upload(t, longClip(t), "uno"), ana.upload(t, longClip(t), "dos")
	var before []video
	for _, id := range []string{first, second} {
		before = append(before, ana.waitForFinal(t, id))
	}
	s.post(t, "/api/public/videos/"+first+"/vote", ana.Token, nil).want(t, http.StatusOK, "")
	stopped := s.stop(t)

	brand := "BRANDING_DIR=" + ownBrand(t)
	for _, c := range []struct{ flag, says string }{
		{"--yes", "2 clips wait for the workers"}, {"--stop", "2 clips are left as they are"},
	} {
		out, errs, code := s.runAppWith(t, []string{brand}, "rebrand", c.flag)
		if code != 0 || !strings.Contains(out, c.says) {
			t.Errorf("rebrand %s while nothing runs: exit code %d, %s%s", c.flag, code, out, errs)
		}
	}
	s.start(t, brand)
	if stopped != 0 || !strings.Contains(s.log.String(), "run: app rebrand") {
		t.Errorf("after a stop with %d, the log of a worker with another branding lacks a warning", stopped)
	}
	if out, _, code := s.runAppWith(t, []string{brand}, "doctor"); code != 0 ||
		!strings.Contains(out, "run: app rebrand") {
		t.Errorf("doctor: exit code %d, %s", code, out)
	}
	if out, errs, code := s.runAppWith(t, []string{brand}, "rebrand"); code != exitFailure ||
		!takes.MatchString(out) || !strings.Contains(errs, "nothing was changed") {
		t.Errorf("without an answer: exit code %d, %s%s", code, out, errs)
	}
	if out, errs, code := s.runAppWith(t, []string{brand}, "rebrand", "--yes"); code != 0 ||
		!strings.Contains(out, "2 clips wait for the workers") {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	if out, errs, code := s.runAppWith(t, nil, "rebrand"); code != exitFailure ||
		!strings.Contains(out, "warning: of what waits") || !strings.Contains(errs, "nothing was changed") {
		t.Errorf("with the branding of before: exit code %d, %s%s", code, out, errs)
	}
	plays := func() (urls []string) {
		t.Helper()
		for _, id := range []string{first, second} {
			v := ana.video(t, id)
			if v.Status != "processed" {
				t.Errorf("it is %s", v.Status)
			}
			s.get(t, v.ProcessedURL, "").want(t, http.StatusOK, "")
			urls = append(urls, withoutQuery(v.ProcessedURL))
		}
		return urls
	}
	atMoment(t, "a job is under way", func() bool {
		return s.queryInt(t, "SELECT COUNT(*) AS n FROM media_rebrands WHERE lease_until > 0") > 0
	})
	plays()
	if stage() != aws { // where the queue takes minutes to notice
		s.kill(t)
		s.start(t, brand)
	}
	type remaining struct {
		Clips    int
		Waiting  int
		UnderWay int `json:"under_way"`
	}
	left := func() (plan remaining) {
		out, errs, code := s.runAppWith(t, []string{brand}, "rebrand", "--dry-run", "--json")
		if err := json.Unmarshal([]byte(out), &plan); err != nil || code != 0 {
			t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
		}
		return plan
	}
	eventually(t, "both clips are made again", func() bool {
		plays()
		return s.queryInt(t, "SELECT COUNT(*) AS n FROM media_rebrands") == 0
	})
	for i, url := range plays() {
		v := ana.video(t, []string{first, second}[i])
		if slices.Contains([]string{withoutQuery(before[0].ProcessedURL), withoutQuery(before[1].ProcessedURL)}, url) ||
			v.DurationSeconds != before[i].DurationSeconds-5 {
			t.Errorf("it is %+v, and was %+v", v, before[i])
		}
	}
	if plan := left(); plan != (remaining{}) {
		t.Errorf("what is left is %+v", plan)
	}
	if v := ana.video(t, first); v.Votes != 1 {
		t.Errorf("%d votes are left", v.Votes)
	}
	if out, errs, code := s.runAppWith(t, []string{brand}, "rebrand", "--yes"); code != 0 ||
		!strings.Contains(out, "nothing is to be done") {
		t.Errorf("again: exit code %d, %s%s", code, out, errs)
	}
	s.wantNothingFound(t)
}

func TestBrandingIsShownOnATestPicture(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSite(t)
	brand, out := "BRANDING_DIR="+ownBrand(t), filepath.Join(t.TempDir(), "preview.mp4")
	if said, errs, code := s.runAppWith(t, []string{brand}, "branding"); code != 0 ||
		!strings.Contains(said, "watermark  watermark.png  380×380 pixels, top-right") {
		t.Errorf("exit code %d, %s%s", code, said, errs)
	}
	if said, errs, code := s.runAppWith(t, []string{brand}, "branding", "preview", out); code != 0 {
		t.Fatalf("exit code %d, %s%s", code, said, errs)
	}
	for _, path := range []string{out, strings.TrimSuffix(out, ".mp4") + ".jpg"} {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Nothing starts with a wrong folder, and all that is wrong is said at once.
func TestAWrongBrandingStopsTheStart(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSite(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"branding.yaml": "colour: red\n", "intro.mp4": "no video", "outro.png": "no picture", "notes.txt": "x",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range []string{"serve", "doctor"} {
		out, errs, code := s.runAppWith(t, []string{"BRANDING_DIR=" + dir, "HTTP_ADDR=127.0.0.1:0"}, command)
		if want := map[string]int{"serve": exitUsage, "doctor": exitFailure}[command]; code != want {
			t.Errorf("%s exits with %d, want %d", command, code, want)
		}
		for _, want := range []string{
			"BRANDING_DIR: branding.yaml:1: colour is no setting", "BRANDING_DIR: intro.mp4: is not a video",
			"BRANDING_DIR: outro.png: is not a picture", "notes.txt: is ignored",
		} {
			if !strings.Contains(out+errs, want) {
				t.Errorf("%s does not say %s:\n%s%s", command, want, out, errs)
			}
		}
	}
}
