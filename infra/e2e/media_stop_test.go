package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// slowly makes the app find an ffmpeg that works for minutes on a clip, so that a job does not end before the test looks.
func slowly(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("testdata/slow")
	if err != nil {
		t.Fatal(err)
	}
	return "PATH=" + dir + ":" + os.Getenv("PATH")
}

// ffmpegWorks waits until ffmpeg has begun to write.
func (p *person) ffmpegWorks(t *testing.T, id string) {
	t.Helper()
	eventually(t, "ffmpeg works", func() bool { return p.video(t, id).Stage == "processing" && len(p.temporary(t)) > 0 })
}

// TestAStopGivesTheJobBack: the grace is too short for the job, so its task is given back, which costs it no attempt.
func TestAStopGivesTheJobBack(t *testing.T) {
	t.Parallel()
	s := startSite(t, "SHUTDOWN_GRACE_SECONDS=1", slowly(t))
	ana := s.join(t, "")
	id := ana.upload(t, longClip(t), "Larga")
	ana.ffmpegWorks(t, id)
	if code := s.stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if left := running(t, s.DataDir); len(left) > 0 {
		t.Fatalf("still running: %q", left)
	}
	if temporary := s.temporary(t); len(temporary) > 0 {
		t.Fatalf("left: %q", temporary)
	}
	// Whoever comes next need not wait for a lease to lapse, neither the video's nor the task's.
	if n := s.rows(t, `SELECT COUNT(*) AS n FROM media_videos WHERE id = ? AND status = 'processing' AND lease_until = 0`, id); n != 1 {
		t.Fatalf("the claim was not given back:\n%s", s.log)
	}
	if stage() == embedded {
		if n := s.rows(t, `SELECT COUNT(*) AS n FROM queue_tasks WHERE id = ? AND state = 'waiting' AND attempts = 0`, id); n != 1 {
			t.Fatalf("the task was not given back as it was:\n%s", s.log)
		}
		s.start(t)
	} else {
		before := s.log
		s.log, s.processes = &logBuffer{}, nil
		s.startRole(t, "serve")
		if n := s.tasks(t, "ready"); n != 1 {
			t.Fatalf("%d tasks are ready, want the one that was given back:\n%s", n, before)
		}
		s.startRole(t, "work")
	}
	v := ana.final(t, id)
	if v.Status != "processed" {
		t.Fatalf("%+v", v)
	}
	s.wantOnlyPublished(t, ana, v)
}

// TestADeletedVideoStopsItsJob holds that ffmpeg ends, and that nothing is left.
func TestADeletedVideoStopsItsJob(t *testing.T) {
	t.Parallel()
	s := startSite(t, slowly(t))
	ana := s.join(t, "")
	id := ana.upload(t, mediumClip(t), "Larga")
	ana.ffmpegWorks(t, id)
	ana.do(t, http.MethodDelete, "/api/videos/"+id, ana.Token, "", nil).want(t, http.StatusOK, "")
	// Within about a second, on a machine with time; by itself after the 220 s that such a clip may take.
	eventually(t, "the job is over", func() bool { return len(running(t, s.DataDir)) == 0 && len(s.temporary(t)) == 0 })
	eventually(t, "the task is gone", func() bool { return s.tasks(t) == 0 })
	ana.wantNothing(t)
	if strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Errorf("a deletion is no error:\n%s", s.log)
	}
}

// TestOurTroubleEndsInADeadLetter takes the original away, which is nobody's fault but ours: three attempts, a dead letter
// that the operator sees, and a redrive once the trouble is mended.
func TestOurTroubleEndsInADeadLetter(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	ana := s.join(t, "")
	s.stop(t) // so that the file is away before a worker looks for it
	var ids, originals []string
	s.start(t, "LOAD_TEST_ENDPOINTS=true")
	for _, title := range []string{"Una", "Otra"} {
		id := ana.uploadMock(t, shortClip(t), title)
		original := "uploads/" + id + ".mp4"
		s.renameFile(t, original, original+".away")
		ids, originals = append(ids, id), append(originals, original)
	}
	s.processMocks(t)
	for _, id := range ids {
		v := ana.final(t, id)
		if v.Status != "failed" || v.Failure == nil || v.Failure.Code != "processing_error" || !strings.Contains(v.Failure.Detail, "reinténtalo") {
			t.Fatalf("%+v", v)
		}
	}
	eventually(t, "two dead letters", func() bool { return s.tasks(t, "dead") == 2 })
	list, _, code := s.app(t, "queue", "dead")
	if code != 0 || !strings.Contains(list, ids[0]) || !strings.Contains(list, ids[1]) || !strings.Contains(list, "not found") {
		t.Fatalf("app queue dead: %d\n%s", code, list)
	}
	if _, complaint, code := s.app(t, "queue", "redrive", "nobody"); code != 1 || !strings.Contains(complaint, "nobody") {
		t.Fatalf("redrive of an unknown id: %d\n%s", code, complaint)
	}

	for _, original := range originals {
		s.renameFile(t, original+".away", original)
	}
	if out, _, code := s.app(t, "queue", "redrive", ids[0]); code != 0 || !strings.Contains(out, "1 redriven") {
		t.Fatalf("app queue redrive: %d\n%s", code, out)
	}
	ana.post(t, "/api/videos/"+ids[1]+"/retry", ana.Token, nil).want(t, http.StatusAccepted, "") // its owner may as well
	for _, id := range ids {
		eventually(t, "the video is processed", func() bool { return ana.video(t, id).Status == "processed" })
		if v := ana.video(t, id); v.Failure != nil || v.Progress != 100 {
			t.Fatalf("%+v", v)
		}
		ana.post(t, "/api/videos/"+id+"/retry", ana.Token, nil).want(t, http.StatusBadRequest, "not_failed")
	}
	if stage() == aws { // a dead letter stays in SQS when its task is sent again, and is done when it is redriven
		if out, _, code := s.app(t, "queue", "redrive", ids[1]); code != 0 || !strings.Contains(out, "1 redriven") {
			t.Fatalf("app queue redrive: %d\n%s", code, out)
		}
		eventually(t, "no task is left", func() bool { return s.tasks(t) == 0 })
	}
	if list, _, _ := s.app(t, "queue", "dead"); strings.Count(list, "\n") != 1 {
		t.Fatalf("dead letters remain:\n%s", list)
	}
	beto := s.join(t, "")
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
