package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// said returns the first line of the log with a message.
func (s *site) said(t *testing.T, message string) map[string]any {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		var words map[string]any
		if json.Unmarshal([]byte(line), &words) == nil && words["msg"] == message {
			return words
		}
	}
	t.Fatalf("the log does not say %q:\n%s", message, s.log)
	return nil
}

// A start says what it works with, a stop what it waits for. A closed terminal is a reason to stop.
func TestAStartAndAStopSayWhatHappens(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "WORKER_CONCURRENCY=3")
	started := s.said(t, "starting")
	want := map[string]any{
		"role": "serve", "version": "1.0.0", "stage": "embedded", "queue": "embedded", "workers": 3.0,
		"database": "SQLite " + filepath.Join(s.DataDir, "showcase.db"),
		"storage":  "local " + filepath.Join(s.DataDir, "files"),
	}
	for word, value := range want {
		if diff := cmp.Diff(value, started[word]); diff != "" {
			t.Errorf("%s:\n%s", word, diff)
		}
	}
	if version, ok := started["ffmpeg"].(string); !ok || version == "" {
		t.Errorf("no version of ffmpeg in %v", started)
	}
	s.signal(t, syscall.SIGHUP)
	if code := s.wait(t); code != 0 {
		t.Errorf("exit code %d after SIGHUP", code)
	}
	if waits, ok := s.said(t, "stopping")["waiting_for"].(string); !ok || !strings.Contains(waits, "web") {
		t.Errorf("the stop waits for %q", waits)
	}
}

// A process whose folder is gone holds its files open, and would accept what nobody will ever see again.
func TestDataThatVanishesIsNoticed(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	for _, path := range []string{"files", "showcase.db"} {
		s.get(t, "/readyz", "").want(t, http.StatusOK, "")
		path = filepath.Join(s.DataDir, path)
		if err := os.Rename(path, path+".gone"); err != nil {
			t.Fatal(err)
		}
		if got := s.get(t, "/readyz", ""); got.Status != http.StatusServiceUnavailable ||
			!strings.Contains(string(got.Body), "DATA_DIR") {
			t.Errorf("without %s, /readyz answers %d %s", path, got.Status, got.Body)
		}
		address := "HTTP_ADDR=" + strings.TrimPrefix(s.URL, "http://")
		if _, errs, code := s.runAppWith(t, []string{address}, "healthcheck"); code != exitFailure ||
			!strings.Contains(errs, "DATA_DIR") || !strings.Contains(errs, "is gone or has been replaced") {
			t.Errorf("without %s, healthcheck exits with %d and says %s", path, code, errs)
		}
		if err := os.Rename(path+".gone", path); err != nil {
			t.Fatal(err)
		}
	}
	s.get(t, "/readyz", "").want(t, http.StatusOK, "")
}

func TestAPublishedVideoIsMadeAgainFromItsOriginal(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	id := ana.upload(t, tinyClip(t), "Canción")
	ana.waitForFinal(t, id)
	s.post(t, "/api/public/videos/"+id+"/vote", ana.Token, nil).want(t, http.StatusOK, "")
	isRendition := func(file string) bool { // the present one, and not the one before
		return strings.HasSuffix(withoutQuery(ana.video(t, id).ProcessedURL), file)
	}
	again := func(args ...string) {
		t.Helper()
		before := withoutQuery(ana.video(t, id).ProcessedURL)
		if out, errs, code := s.runApp(t, append([]string{"reprocess"}, args...)...); code != 0 ||
			!strings.HasPrefix(out, "1 videos") {
			t.Fatalf("exit code %d, %s%s", code, out, errs)
		}
		eventually(t, "the video has a new rendition", func() bool {
			v := ana.video(t, id)
			return v.Status == "processed" && withoutQuery(v.ProcessedURL) != before
		})
	}
	again(id)
	files := s.storedFiles(t)
	rendition := files[slices.IndexFunc(files, isRendition)]
	if err := os.Remove(filepath.Join(s.DataDir, "files", rendition)); err != nil {
		t.Fatal(err)
	}
	again("--missing")
	if v := ana.video(t, id); v.Votes != 1 {
		t.Errorf("%d votes are left", v.Votes)
	}
	s.get(t, ana.video(t, id).ProcessedURL, "").want(t, http.StatusOK, "")
	if _, errs, code := s.runApp(t, "reprocess", "nobody"); code != exitFailure || !strings.Contains(errs, "nobody") {
		t.Errorf("an unknown video: exit code %d, %s", code, errs)
	}
	if _, errs, code := s.runApp(t, "reprocess"); code != exitUsage || !strings.Contains(errs, "--missing") {
		t.Errorf("without ids: exit code %d, %s", code, errs)
	}
}

func TestProcessDoesNotOverwriteItsInput(t *testing.T) {
	onlyInStage(t, embedded)
	skipIfShort(t)
	t.Parallel()
	s := newSiteWithoutServers(t)
	folder := t.TempDir()
	content := readFile(t, tinyClip(t))
	clip, asPoster := filepath.Join(folder, "clip.mp4"), filepath.Join(folder, "out.jpg")
	for _, path := range []string{clip, asPoster} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for in, out := range map[string]string{clip: clip, asPoster: filepath.Join(folder, "out.mp4")} {
		if _, errs, code := s.runApp(t, "process", in, out); code != exitFailure ||
			!strings.Contains(errs, "would be overwritten") {
			t.Errorf("exit code %d, %s", code, errs)
		}
		if readFile(t, in) != content {
			t.Errorf("%s was overwritten", in)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 2 {
		t.Errorf("left are %v (%v)", left, err)
	}
}

// With the prefixes swapped, everybody could read originals.
func TestSwappedPrefixesAreRefused(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	s.newPerson(t, "").upload(t, tinyClip(t), "Canción")
	if code := s.stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	swapped := []string{"S3_UPLOAD_PREFIX=processed", "S3_PROCESSED_PREFIX=uploads", "HTTP_ADDR=127.0.0.1:0"}
	if _, errs, code := s.runAppWith(t, swapped, "serve"); code != exitFailure || !strings.Contains(errs, "swapped") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
