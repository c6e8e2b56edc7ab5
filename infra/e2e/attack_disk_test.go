package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"risingstars/platform/disk/disktest"
)

// The disk of the test, in bytes. An upload of these tests has almost the largest size.
const (
	smallDisk    = 176 << 20
	smallReserve = 32 << 20
	smallLargest = 32 << 20
	smallUpload  = 30 << 20
)

// newSmallSite returns a site, on which nothing runs yet, whose data folder is a file system of its own. The settings
// belong to it.
func newSmallSite(t *testing.T) (s *site, env []string) {
	t.Helper()
	skipIfShort(t)
	s = &site{DataDir: disktest.Mount(t, smallDisk)}
	if err := os.Symlink(sharedBumpers(t), filepath.Join(s.DataDir, "bumpers")); err != nil {
		t.Fatal(err)
	}
	if stage() != embedded {
		s.useSuiteServers(t, migratedDatabase(t))
	}
	return s, []string{
		fmt.Sprint("DISK_RESERVE_BYTES=", smallReserve), fmt.Sprint("MAX_UPLOAD_BYTES=", smallLargest),
		"WORKER_CONCURRENCY=1", "SECRET_KEY=" + votingSecret,
	}
}

// postLarge uploads something that begins like a video.
func (p *person) postLarge(t *testing.T) apiResponse {
	t.Helper()
	content := "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + strings.Repeat("\x00", smallUpload)
	return p.postUploadForm(t, part{Name: "title", Value: "Large"}, part{"file", content, "large.mp4"})
}

// fillDisk uploads until nothing more is accepted, and returns what was.
func (p *person) fillDisk(t *testing.T) (ids []string) {
	t.Helper()
	for range smallDisk / smallUpload {
		a := p.postLarge(t)
		if a.Status == http.StatusInsufficientStorage {
			a.want(t, http.StatusInsufficientStorage, "storage_full")
			if a.Header.Get("Retry-After") == "" {
				t.Error("the refusal does not say when to try again")
			}
			return ids
		}
		var v video
		a.want(t, http.StatusCreated, "").decode(t, &v)
		ids = append(ids, v.VideoID)
	}
	t.Fatal("the disk is never full")
	return nil
}

func (p *person) delete(t *testing.T, id string) apiResponse {
	t.Helper()
	return p.do(t, http.MethodDelete, "/api/videos/"+id, p.Token, "", nil)
}

type readiness struct {
	Status   string
	Degraded []string
}

// readiness reads /readyz, which must answer 200.
func (s *site) readiness(t *testing.T) (r readiness) {
	t.Helper()
	s.get(t, "/readyz", "").want(t, http.StatusOK, "").decode(t, &r)
	return r
}

// wantOthersUndisturbed fails the test unless a new person can sign up, sign in, look around and vote.
func (s *site) wantOthersUndisturbed(t *testing.T, entry string) {
	t.Helper()
	bob := s.newPerson(t, "")
	bob.post(t, "/api/public/videos/"+entry+"/vote", bob.Token, nil).want(t, http.StatusOK, "")
	for _, path := range []string{"/api/public/videos", "/api/public/rankings"} {
		bob.get(t, path, bob.Token).want(t, http.StatusOK, "")
	}
}

// One account fills the disk with uploads. Everybody may still sign up, sign in, vote and delete, the job under way is
// published, and after a deletion uploads are accepted again.
func TestAFullDiskStopsUploadsAndNothingElse(t *testing.T) {
	onlyInStage(t, embedded, onehost) // files are on the disk
	t.Parallel()
	small, env := newSmallSite(t)
	s := besiegeOn(t, small, env...)
	ana, mallory := s.newPerson(t, ""), s.newPerson(t, "")
	if r := s.readiness(t); r.Status != "healthy" || r.Degraded != nil {
		t.Fatalf("/readyz says %+v of an empty disk", r)
	}
	if code := s.stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	s.start(t, append(env, slowFFmpeg(t))...)
	underWay := ana.upload(t, shortClip(t), "Under way")
	ana.waitForFFmpeg(t, underWay)
	var filled []string
	s.while(t, func(context.Context) {
		filled = mallory.fillDisk(t)
		for range 5 {
			mallory.postLarge(t).want(t, http.StatusInsufficientStorage, "storage_full")
		}
	})
	// SQLite may have given some space back meanwhile.
	filled = append(filled, mallory.fillDisk(t)...)
	if r := s.readiness(t); r.Status != "degraded" || !slices.Equal(r.Degraded, []string{"disk"}) {
		t.Errorf("/readyz says %+v", r)
	}
	if v := ana.video(t, underWay); v.Status != "processing" {
		t.Fatalf("the job ended before the disk was full: %+v", v)
	}
	mallory.post(t, "/api/videos/uploads", mallory.Token, map[string]any{
		"title": "Direct", "filename": "clip.mp4", "size": smallUpload,
	}).want(t, http.StatusInsufficientStorage, "storage_full")
	s.wantOthersUndisturbed(t, s.entry)

	if v := ana.waitForFinal(t, underWay); v.Status != "processed" {
		t.Errorf("the job under way ends as %+v", v)
	}
	filled = append(filled, mallory.fillDisk(t)...) // the job has given back what it might have needed
	s.wantDiskReported(t, env)
	mallory.delete(t, filled[0]).want(t, http.StatusOK, "")
	ana.postLarge(t).want(t, http.StatusCreated, "")
}

// wantDiskReported fails the test unless the metrics and the doctor say that the disk is nearly full.
func (s *site) wantDiskReported(t *testing.T, env []string) {
	t.Helper()
	metrics := string(s.get(t, "/metrics", "").want(t, http.StatusOK, "").Body)
	var free, reserve float64
	for line := range strings.Lines(metrics) {
		_, _ = fmt.Sscanf(line, `storage_disk_free_bytes{volume="files"} %g`, &free)
		_, _ = fmt.Sscanf(line, `storage_disk_reserve_bytes{volume="files"} %g`, &reserve)
	}
	if reserve != smallReserve || free < 1 || free > smallReserve+smallUpload {
		t.Errorf("the metrics say that %.0f bytes are free and %.0f are the reserve", free, reserve)
	}
	out, _, code := s.runAppWith(t, env, "doctor")
	if code != exitFailure || !strings.Contains(out, verdictFail+"  disk files") ||
		!strings.Contains(out, "32 MiB are its reserve (DISK_RESERVE_BYTES)") {
		t.Errorf("doctor: exit code %d\n%s", code, out)
	}
	eventually(t, "the log says that the disk is nearly full", func() bool {
		return strings.Contains(s.log.String(), "uploads may be refused")
	})
}

// Another program fills the disk to the last byte, with SQLite on it. Signing in, looking around and deleting go on.
func TestDeletingGoesOnWhenNoByteIsFree(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s, env := newSmallSite(t)
	s.start(t, env...)
	ana := s.newPerson(t, "")
	ids := []string{ana.upload(t, tinyClip(t), "First"), ana.upload(t, tinyClip(t), "Second")}
	ana.wantAllProcessed(t, ids)

	disktest.Fill(t, s.DataDir, -1)
	ana.postLarge(t).want(t, http.StatusInsufficientStorage, "storage_full")
	s.post(t, "/api/auth/login", "", map[string]string{"email": ana.Email, "password": password}).
		want(t, http.StatusOK, "")
	s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "")
	for _, id := range ids {
		eventually(t, "the video is deleted", func() bool { return ana.delete(t, id).Status == http.StatusOK })
	}
	if files := s.storedFiles(t); len(files) > 0 {
		t.Errorf("files are left: %q", files)
	}
}

// The files, the temporary ones and the database may be on different volumes.
func TestEachFolderMayHaveItsOwnVolume(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSite(t)
	files, work := disktest.Mount(t, smallDisk), disktest.Mount(t, smallDisk)
	s.start(t, "FILES_DIR="+files, "WORK_DIR="+work,
		fmt.Sprint("DISK_RESERVE_BYTES=", smallReserve), fmt.Sprint("MAX_UPLOAD_BYTES=", smallLargest))
	ana := s.newPerson(t, "")
	id := ana.upload(t, tinyClip(t), "Apart")
	ana.wantAllProcessed(t, []string{id})
	for _, url := range []string{ana.video(t, id).ProcessedURL, ana.video(t, id).OriginalURL} {
		s.get(t, url, "").want(t, http.StatusOK, "")
	}
	names := strings.Join(disktest.Files(t, files), " ")
	if !strings.Contains(names, id) {
		t.Errorf("FILES_DIR has %q", names)
	}
	for _, folder := range []string{"files", "work"} {
		if _, err := os.Stat(filepath.Join(s.DataDir, folder)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is in DATA_DIR as well (%v)", folder, err)
		}
	}
	disktest.FillTo(t, work, smallReserve/2)
	if r := s.readiness(t); r.Status != "degraded" {
		t.Errorf("with a full WORK_DIR, /readyz says %+v", r)
	}
	ana.postUploadForm(t, part{"file", readFile(t, tinyClip(t)), "clip.mp4"}, part{Name: "title", Value: "No room"}).
		want(t, http.StatusInsufficientStorage, "storage_full")
}
