package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"risingstars/infra/cliptest"
)

// storageFinding is a line of `app storage check --json`.
type storageFinding struct {
	Kind, Key, Remedy string
	Repaired          bool
}

// checkStorage runs `app storage check` and returns what it finds. Files may be young.
func (s *site) checkStorage(t *testing.T, flags ...string) (found []storageFinding) {
	t.Helper()
	out, errs, code := s.runApp(t, append([]string{"storage", "check", "--json", "--grace=0s"}, flags...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var summary struct{ Found int }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &summary); err != nil {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	for _, line := range lines[:len(lines)-1] {
		var f storageFinding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		found = append(found, f)
	}
	want := 0
	if len(found) > 0 {
		want = exitFailure
	}
	if code != want || summary.Found != len(found) {
		t.Fatalf("exit code %d, summary %+v:\n%s%s", code, summary, out, errs)
	}
	return found
}

func (s *site) wantNothingFound(t *testing.T) {
	t.Helper()
	if found := s.checkStorage(t); len(found) > 0 {
		t.Fatalf("app storage check finds %+v", found)
	}
}

// While the app runs, its storage loses a rendition and an original, and gains files that no row names.
func TestStorageCheckFindsAndRepairs(t *testing.T) {
	onlyInStage(t, embedded, aws)
	t.Parallel()
	s := newSite(t).withSmall()
	s.start(t)
	ana := s.newPerson(t, "")
	sound := cliptest.Make(t, "tone.mp4", "-f", "lavfi", "-i", "sine", "-t", "1", "-c:a", "aac")
	id, bad := ana.upload(t, tinyClip(t), "Canción"), ana.upload(t, sound, "Sin imagen")
	published, failed := ana.waitForFinal(t, id), ana.waitForFinal(t, bad)
	if published.Status != "processed" || failed.Status != "failed" {
		t.Fatalf("%+v, %+v", published, failed)
	}
	s.post(t, "/api/public/videos/"+id+"/vote", ana.Token, nil).want(t, http.StatusOK, "")
	s.wantNothingFound(t)
	if out, errs, code := s.runApp(t, "storage", "check"); code != 0 || !strings.Contains(out, "0 found") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}

	files := s.storedFiles(t)
	rendition := files[slices.IndexFunc(files, func(f string) bool {
		return strings.HasPrefix(f, "processed/"+id) && strings.HasSuffix(withoutQuery(published.ProcessedURL), f)
	})]
	original := files[slices.IndexFunc(files, func(f string) bool { return strings.HasPrefix(f, "uploads/"+bad) })]
	s.renameFile(t, rendition, "processed/stray.mp4")
	s.renameFile(t, original, "uploads/stray.mp4")
	want := []storageFinding{
		{"missing_original", original, "fail the video", false},
		{"missing_rendition", rendition, "process again", false},
		{"unnamed_file", "processed/stray.mp4", "delete in a day", false},
		{"unnamed_file", "uploads/stray.mp4", "delete in a day", false},
	}
	wantFound := func(found []storageFinding) {
		t.Helper()
		slices.SortFunc(found, func(a, b storageFinding) int { return strings.Compare(a.Kind+a.Key, b.Kind+b.Key) })
		if !slices.Equal(found, want) {
			t.Fatalf("found %+v, want %+v", found, want)
		}
	}
	wantFound(s.checkStorage(t))
	out, errs, code := s.runApp(t, "storage", "check", "--grace=0s")
	if code != exitFailure || strings.Count(out, "\n") != 6 || !strings.Contains(errs, "differ in 4 places") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	for i := range want {
		want[i].Repaired = true
	}
	wantFound(s.checkStorage(t, "--repair"))
	eventually(t, "the video is processed again", func() bool {
		v := ana.video(t, id)
		return v.Status == "processed" && withoutQuery(v.ProcessedURL) != withoutQuery(published.ProcessedURL)
	})
	s.waitForSweeper(t)
	s.wantNothingFound(t)
	if files := s.storedFiles(t); len(files) != filesOfAVideo {
		t.Errorf("storage holds %q", files)
	}
	again := ana.video(t, id)
	s.get(t, again.ProcessedURL, "").want(t, http.StatusOK, "")
	var entries []video
	s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "").decode(t, &entries)
	if len(entries) != 1 || entries[0].Votes != 1 ||
		withoutQuery(entries[0].ProcessedURL) != withoutQuery(again.ProcessedURL) {
		t.Errorf("the gallery has %+v", entries)
	}
	if _, _, code := s.runApp(t, "storage", "check", "--grace=-1s"); code != exitUsage {
		t.Errorf("a negative grace: exit code %d", code)
	}
}
