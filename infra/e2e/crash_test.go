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

	"risingstars/infra/cliptest"
)

// longClip returns a clip that keeps ffmpeg busy for about two seconds.
func longClip(t *testing.T) string {
	t.Helper()
	return cliptest.Make(t, "long.mp4",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440",
		"-t", "3", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
}

// processesUsing returns the command lines of running processes that contain the folder's name.
func processesUsing(t *testing.T, dir string) []string {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range processes {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte(dir)) { // an error means that the process has exited
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// At whatever moment of a job a power cut ends the app, the next start finishes the job, publishes the video once, and
// leaves no files but the video's own.
func TestKilledAppFinishesItsJobOnce(t *testing.T) {
	t.Parallel()
	at := func(step string, percent int) func(*testing.T, *person, string) {
		return func(t *testing.T, p *person, id string) {
			atMoment(t, step, func() bool {
				v := p.video(t, id)
				return v.Step == step && v.Progress >= percent || v.Status == "processed"
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
		"accepted":     func(*testing.T, *person, string) {},
		"encoding":     at("processing", 0),
		"half encoded": at("processing", 40),
		"publishing": func(t *testing.T, p *person, _ string) {
			atMoment(t, "storage holds an output", p.hasOutput(t))
		},
		"another upload": func(t *testing.T, p *person, _ string) { p.startStalledUpload(t) },
		"twice": func(t *testing.T, p *person, id string) {
			at("processing", 10)(t, p, id)
			p.kill(t)
			p.start(t)
		},
	} {
		if stage() == onehost && name != "half encoded" && name != "twice" {
			continue // the queue is its own, and what happens on disk happens in the embedded stage
		}
		s := newSite(t).withSmall()
		s.start(t)
		ana := s.newPerson(t, "")
		id := ana.upload(t, longClip(t), name)
		moment(t, ana, id)
		s.kill(t)
		eventually(t, name+": ffmpeg exits with the app", func() bool { return len(processesUsing(t, s.DataDir)) == 0 })
		s.start(t)
		killed = append(killed, job{name, ana, id})
	}
	for _, j := range killed { // in a second loop, so that all leases lapse at the same time
		t.Log("killed at the moment:", j.moment)
		v := j.waitForFinal(t, j.id)
		if v.Status != "processed" || v.Failure != nil {
			t.Errorf("%s: %+v", j.moment, v)
			continue
		}
		j.wantOnlyPublished(t, j.person, v)
	}
}

// A published video has an original, two renditions and three posters.
const (
	filesOfAVideo     = 6
	filesWithoutSmall = filesOfAVideo - 1
)

// hasOutput returns a condition that is true once storage holds an output of a job.
func (p *person) hasOutput(t *testing.T) func() bool {
	return func() bool {
		isOutput := func(file string) bool { return strings.HasPrefix(file, "processed/") }
		return slices.ContainsFunc(p.storedFiles(t), isOutput)
	}
}

// startStalledUpload sends the first half of an upload and nothing more. It returns when storage holds a part of it.
func (p *person) startStalledUpload(t *testing.T) {
	contentType, form := multipartBody(t, part{"file", paddedClip(t), "clip.mp4"}, part{Name: "title", Value: "never"})
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	body := &stallingReader{bytes.NewReader(form.Bytes()[:form.Len()/2]), released}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/api/videos/upload", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", "Bearer "+p.Token)
	go func() {
		if response, err := http.DefaultClient.Do(request); err == nil { // usually an error, as the app is killed
			response.Body.Close()
		}
	}()
	eventually(t, "half an upload is in storage", func() bool { return len(p.partialUploads(t)) > 0 })
}

// stallingReader returns the bytes of its content, and then blocks until it is released.
type stallingReader struct {
	content  io.Reader
	released chan struct{}
}

func (r *stallingReader) Read(b []byte) (int, error) {
	n, err := r.content.Read(b)
	if n == 0 {
		<-r.released
	}
	return n, err
}

// wantOnlyPublished fails the test unless the site shows the video once and stores its files and no others. Files that
// a killed process left are listed as orphans and deleted after some time; the test lets that time pass.
func (s *site) wantOnlyPublished(t *testing.T, p *person, v video) {
	t.Helper()
	var entries, mine []video
	s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "").decode(t, &entries)
	p.get(t, "/api/videos", p.Token).want(t, http.StatusOK, "").decode(t, &mine)
	if len(entries) != 1 || len(mine) != 1 || withoutQuery(entries[0].ProcessedURL) != withoutQuery(v.ProcessedURL) {
		t.Fatalf("published are %+v, the owner's list is %+v", entries, mine)
	}
	s.waitForSweeper(t)
	s.get(t, v.ProcessedURL, "").want(t, http.StatusOK, "")
	s.get(t, v.PosterURL, "").want(t, http.StatusOK, "")
	s.get(t, v.OriginalURL, "").want(t, http.StatusOK, "")
	eventually(t, "no work is in progress", func() bool {
		return len(s.temporaryFiles(t)) == 0 && s.countTasks(t) == 0
	})
	if files := s.storedFiles(t); len(files) != filesOfAVideo {
		t.Fatalf("storage holds %q", files)
	}
	areas, err := filepath.Glob(filepath.Join(s.DataDir, "*", "scratch-*"))
	hidden, _ := filepath.Glob(filepath.Join(s.DataDir, "files", ".scratch", "scratch-*"))
	// On disk, every process has a scratch area in storage, and the worker has a second one for its jobs. With S3 every
	// process has one, for jobs or for parts of uploads.
	want := len(s.processes) + 1
	if s.bucket != nil {
		want = len(s.processes)
	}
	if areas = append(areas, hidden...); err != nil || len(areas) != want {
		t.Fatalf("the working areas of %d processes are %q", len(s.processes), areas)
	}
}

// waitForSweeper makes all orphaned files due for deletion, and waits until the sweeper has deleted them.
func (s *site) waitForSweeper(t *testing.T) {
	t.Helper()
	s.execSQL(t, `UPDATE media_unclaimed_files SET delete_after = 1`)
	eventually(t, "the sweeper has deleted the orphans", func() bool {
		return s.queryInt(t, `SELECT COUNT(*) AS n FROM media_unclaimed_files`) == 0
	})
}

// withoutQuery returns the part of a link that stays the same when it is signed again.
func withoutQuery(link string) string {
	address, _, _ := strings.Cut(link, "?")
	return address
}
