package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// One account has 40 videos in the queue. The single video of another account is the next but one: only the job that
// runs when it arrives, and the one after it, come before.
func TestASingleVideoDoesNotWaitForAnotherAccountsForty(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", "WORKER_CONCURRENCY=1")
	ana, beto := s.newPerson(t, ""), s.newPerson(t, "")
	var anas []string
	for n := range 40 {
		anas = append(anas, ana.uploadMock(t, tinyClip(t), fmt.Sprint("Song ", n)))
	}
	s.processMocks(t)
	const begun = `SELECT COUNT(*) AS n FROM media_videos WHERE owner_id = ? AND attempt > 0`
	atMoment(t, "the worker is at work", func() bool { return s.queryInt(t, begun, ana.ID) > 0 })
	single := beto.upload(t, tinyClip(t), "The only one")
	if v := beto.waitForFinal(t, single); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	between := s.queryInt(t, `
		SELECT COUNT(*) AS n FROM media_videos a JOIN media_videos b ON b.id = ?
		WHERE a.owner_id = ? AND a.processed_at BETWEEN b.uploaded_at AND b.processed_at`, single, ana.ID)
	if between > 2 {
		t.Errorf("%d videos of the other account were published before", between)
	}

	for _, id := range anas {
		ana.do(t, http.MethodDelete, "/api/videos/"+id, ana.Token, "", nil).want(t, http.StatusOK, "")
	}
	eventually(t, "the queue is empty", func() bool { return s.countTasks(t) == 0 })
}
