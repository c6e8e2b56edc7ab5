package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"risingstars/infra/cliptest"
)

// slowFFmpeg returns a PATH setting with which the app finds an ffmpeg that needs minutes for a clip, so that a job
// does not end before the test checks it.
func slowFFmpeg(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("testdata/slow")
	if err != nil {
		t.Fatal(err)
	}
	return "PATH=" + dir + ":" + os.Getenv("PATH")
}

// waitForFFmpeg waits until ffmpeg has begun to write.
func (p *person) waitForFFmpeg(t *testing.T, id string) {
	t.Helper()
	atMoment(t, "ffmpeg is writing", func() bool {
		return p.video(t, id).Step == "processing" && len(p.temporaryFiles(t)) > 0
	})
}

// A stop whose grace is too short for a job releases the claim and returns the task to the queue, which costs no
// attempt.
func TestStopReleasesTheJob(t *testing.T) {
	t.Parallel()
	s := newSite(t).withSmall()
	s.start(t, "SHUTDOWN_GRACE_SECONDS=1", slowFFmpeg(t))
	ana := s.newPerson(t, "")
	id := ana.upload(t, longClip(t), "Larga")
	ana.waitForFFmpeg(t, id)
	if code := s.stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if left := processesUsing(t, s.DataDir); len(left) > 0 {
		t.Fatalf("still running: %q", left)
	}
	if temporary := s.temporaryFiles(t); len(temporary) > 0 {
		t.Fatalf("temporary files are left: %q", temporary)
	}
	// The next worker need not wait until the video's lease or the task's visibility ends.
	const released = `SELECT COUNT(*) AS n FROM media_videos WHERE id = ? AND status = 'uploaded' AND lease_until = 0`
	if n := s.queryInt(t, released, id); n != 1 {
		t.Fatalf("the claim was not released:\n%s", s.log)
	}
	if stage() == embedded {
		const returned = `SELECT COUNT(*) AS n FROM queue_tasks WHERE id = ? AND state = 'waiting' AND attempts = 0`
		if n := s.queryInt(t, returned, id); n != 1 {
			t.Fatalf("the task was not returned unchanged:\n%s", s.log)
		}
		s.start(t)
	} else {
		before := s.log
		s.log, s.processes = &logBuffer{}, nil
		s.startRole(t, "serve")
		if n := s.countTasks(t, "ready"); n != 1 {
			t.Fatalf("%d tasks are ready, want the one that was returned:\n%s", n, before)
		}
		s.startRole(t, "work")
	}
	v := ana.waitForFinal(t, id)
	if v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	s.wantOnlyPublished(t, ana, v)
}

// twentySeconds returns a clip with which a slow ffmpeg is not done before it is stopped.
func twentySeconds(t *testing.T) string {
	t.Helper()
	return cliptest.Make(t, "twenty-seconds.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15", "-t", "20",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
}

// Deleting a video stops its job: ffmpeg exits, and nothing is left.
func TestDeletingAVideoStopsItsJob(t *testing.T) {
	onlyInStage(t, embedded, aws)
	t.Parallel()
	s := startSite(t, slowFFmpeg(t))
	ana := s.newPerson(t, "")
	id := ana.upload(t, twentySeconds(t), "Larga")
	ana.waitForFFmpeg(t, id)
	ana.do(t, http.MethodDelete, "/api/videos/"+id, ana.Token, "", nil).want(t, http.StatusOK, "")
	// This takes about a second on an idle machine. Without the deletion, ffmpeg would end after the 220 s that such a
	// clip may take.
	eventually(t, "the job is over", func() bool {
		return len(processesUsing(t, s.DataDir)) == 0 && len(s.temporaryFiles(t)) == 0
	})
	eventually(t, "the queue is empty", func() bool { return s.countTasks(t) == 0 })
	ana.wantNothingLeft(t)
	if strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Errorf("the deletion is logged as an error:\n%s", s.log)
	}
}

// A job that fails because of us (its original is missing) ends, after three attempts, in a dead letter. The operator
// can list and redrive it once the problem is solved, and the owner can retry the video.
func TestProcessingErrorEndsInADeadLetter(t *testing.T) {
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true")
	ana := s.newPerson(t, "")
	var ids, originals []string
	// One after the other, so that neither is tried under the task of the other, of which SQS would count an attempt.
	for _, title := range []string{"Una", "Otra"} {
		id := ana.uploadMock(t, shortClip(t), title)
		original := "uploads/" + id + ".mp4" // mocks are not processed, so it is moved before a worker needs it
		s.renameFile(t, original, original+".away")
		ids, originals = append(ids, id), append(originals, original)
		s.processMocks(t)
		v := ana.waitForFinal(t, id)
		if v.Status != "failed" || v.Failure == nil || v.Failure.Code != "processing_error" ||
			!strings.Contains(v.Failure.Detail, "reinténtalo") {
			t.Fatalf("the video is %+v", v)
		}
	}
	eventually(t, "there are two dead letters", func() bool { return s.countTasks(t, "dead") == 2 })
	list, _, code := s.runApp(t, "queue", "dead")
	if code != 0 || !strings.Contains(list, ids[0]) || !strings.Contains(list, ids[1]) ||
		!strings.Contains(list, "not found") {
		t.Fatalf("app queue dead: %d\n%s", code, list)
	}
	if _, errs, code := s.runApp(t, "queue", "redrive", "nobody"); code != 1 || !strings.Contains(errs, "nobody") {
		t.Fatalf("redrive of an unknown id: %d\n%s", code, errs)
	}

	for _, original := range originals {
		s.renameFile(t, original+".away", original)
	}
	if out, _, code := s.runApp(t, "queue", "redrive", ids[0]); code != 0 || !strings.Contains(out, "1 redriven") {
		t.Fatalf("app queue redrive: %d\n%s", code, out)
	}
	ana.post(t, "/api/videos/"+ids[1]+"/retry", ana.Token, nil).want(t, http.StatusAccepted, "")
	for _, id := range ids {
		eventually(t, "the video is processed", func() bool { return ana.video(t, id).Status == "processed" })
		if v := ana.video(t, id); v.Failure != nil || v.Progress != 100 {
			t.Fatalf("the video is %+v", v)
		}
		ana.post(t, "/api/videos/"+id+"/retry", ana.Token, nil).want(t, http.StatusBadRequest, "not_failed")
	}
	if stage() == aws { // a retry leaves the dead letter in SQS; a redrive then finds that nothing is left to do
		if out, _, code := s.runApp(t, "queue", "redrive", ids[1]); code != 0 || !strings.Contains(out, "1 redriven") {
			t.Fatalf("app queue redrive: %d\n%s", code, out)
		}
		eventually(t, "no task is left", func() bool { return s.countTasks(t) == 0 })
	}
	if list, _, _ := s.runApp(t, "queue", "dead"); strings.Count(list, "\n") != 1 {
		t.Fatalf("dead letters remain:\n%s", list)
	}
	beto := s.newPerson(t, "")
	beto.post(t, "/api/videos/"+ids[0]+"/retry", beto.Token, nil).want(t, http.StatusForbidden, "forbidden")
}

// renameFile moves an object behind the app's back.
func (s *site) renameFile(t *testing.T, from, to string) {
	t.Helper()
	if s.bucket != nil {
		s.bucket.Rename(t, from, to)
		return
	}
	root := filepath.Join(s.DataDir, "files")
	if err := os.Rename(filepath.Join(root, from), filepath.Join(root, to)); err != nil {
		t.Fatal(err)
	}
}
