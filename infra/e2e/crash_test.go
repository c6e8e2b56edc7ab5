package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// longClip keeps ffmpeg busy for some seconds.
func longClip(t *testing.T) string {
	t.Helper()
	return makeClip(t, "long.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440",
		"-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
}

// running lists the command lines of living processes that name the folder.
func running(t *testing.T, dir string) []string {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range processes {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte(dir)) { // gone meanwhile otherwise
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// TestAKilledAppFinishesItsJobOnce kills the process as a power cut would, at many moments of a job. The next start must
// finish the job, publish it once, and leave nothing but what belongs to it.
func TestAKilledAppFinishesItsJobOnce(t *testing.T) {
	t.Parallel()
	at := func(stage string, percent int) func(*testing.T, *person, string) {
		return func(t *testing.T, p *person, id string) {
			eventually(t, stage, func() bool {
				v := p.video(t, id)
				return v.Stage == stage && v.Progress >= percent || v.Status == "processed"
			})
		}
	}
	type job struct {
		moment string
		*person
		id string
	}
	var killed []job
	for name, moment := range map[string]func(*testing.T, *person, string){
		"accepted":       func(*testing.T, *person, string) {},
		"encoding":       at("processing", 0),
		"half encoded":   at("processing", 40),
		"publishing":     func(t *testing.T, p *person, _ string) { eventually(t, "an output", p.hasOutput(t)) },
		"another upload": func(t *testing.T, p *person, _ string) { p.halfAnUpload(t) },
		"twice": func(t *testing.T, p *person, id string) {
			at("processing", 10)(t, p, id)
			p.kill(t)
			p.start(t)
		},
	} {
		s := startSite(t)
		ana := s.join(t, "")
		id := ana.upload(t, longClip(t), name)
		moment(t, ana, id)
		s.kill(t)
		eventually(t, name+": ffmpeg ends with the app", func() bool { return len(running(t, s.DataDir)) == 0 })
		s.start(t)
		killed = append(killed, job{name, ana, id})
	}
	for _, j := range killed { // their leases have lapsed side by side
		t.Log("killed at the moment:", j.moment)
		v := j.final(t, j.id)
		if v.Status != "processed" || v.Failure != nil {
			t.Errorf("%s: %+v", j.moment, v)
			continue
		}
		j.wantOnlyPublished(t, j.person, v)
	}
}

func (p *person) hasOutput(t *testing.T) func() bool {
	return func() bool {
		return slices.ContainsFunc(p.files(t), func(file string) bool { return strings.HasPrefix(file, "processed/") })
	}
}

// halfAnUpload begins to upload, and returns when a part of it is in storage.
func (p *person) halfAnUpload(t *testing.T) {
	contentType, form := multipartBody(t, part{"file", heavyClip(t), "clip.mp4"}, part{Name: "title", Value: "never"})
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	body := &hanging{bytes.NewReader(form.Bytes()[:form.Len()/2]), hang}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/api/videos/upload", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", "Bearer "+p.Token)
	go func() {
		if response, err := http.DefaultClient.Do(request); err == nil { // the app is killed meanwhile
			response.Body.Close()
		}
	}()
	eventually(t, "half an upload", func() bool { return len(p.arriving(t)) > 0 })
}

// hanging gives its bytes and then nothing more, not even an end.
type hanging struct {
	given io.Reader
	until chan struct{}
}

func (h *hanging) Read(b []byte) (int, error) {
	n, err := h.given.Read(b)
	if n == 0 {
		<-h.until
	}
	return n, err
}

// wantOnlyPublished fails the test unless the site shows the video once and keeps its files and no others. What a killed
// process left in storage waits for its time on the list of unclaimed files: the test makes that time come.
func (s *site) wantOnlyPublished(t *testing.T, p *person, v video) {
	t.Helper()
	var entries, mine []video
	s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "").into(t, &entries)
	p.get(t, "/api/videos", p.Token).want(t, http.StatusOK, "").into(t, &mine)
	if len(entries) != 1 || len(mine) != 1 || withoutQuery(entries[0].ProcessedURL) != withoutQuery(v.ProcessedURL) {
		t.Fatalf("published are %+v, mine %+v", entries, mine)
	}
	s.change(t, `UPDATE media_unclaimed_files SET delete_after = 1`)
	eventually(t, "the sweeper has been", func() bool { return s.rows(t, `SELECT COUNT(*) AS n FROM media_unclaimed_files`) == 0 })
	s.get(t, v.ProcessedURL, "").want(t, http.StatusOK, "")
	s.get(t, v.PosterURL, "").want(t, http.StatusOK, "")
	s.get(t, v.OriginalURL, "").want(t, http.StatusOK, "")
	eventually(t, "nothing is under way", func() bool {
		return len(s.temporary(t)) == 0 && s.tasks(t) == 0
	})
	if files := s.files(t); len(files) != 3 {
		t.Fatalf("storage holds %q", files)
	}
	areas, err := filepath.Glob(filepath.Join(s.DataDir, "*", "scratch-*"))
	hidden, _ := filepath.Glob(filepath.Join(s.DataDir, "files", ".scratch", "scratch-*"))
	// Every process has one of the disk's, and one of them works.
	want := len(s.processes) + 1
	if s.bucket != nil {
		want = 1
	}
	if areas = append(areas, hidden...); err != nil || len(areas) != want {
		t.Fatalf("the working areas of %d processes are %q", len(s.processes), areas)
	}
}

// withoutQuery is what stays of a link when it is signed again.
func withoutQuery(link string) string {
	address, _, _ := strings.Cut(link, "?")
	return address
}
