package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// newSiteOnOwnServers returns a site with its own PostgreSQL and Redis, for tests that stop these servers. Nothing runs
// on the site yet.
func newSiteOnOwnServers(t *testing.T) (s *site, postgres, redis *dedicatedServer) {
	t.Helper()
	s = &site{DataDir: t.TempDir()}
	postgres, redis = startPostgres(t), startRedis(t)
	s.useServers(postgres.URL, redis.URL)
	s.migrate(t)
	return s, postgres, redis
}

// uploadUnprocessed uploads n clips whose tasks stay in the queue, because no worker runs.
func (p *person) uploadUnprocessed(t *testing.T, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, p.upload(t, tinyClip(t), fmt.Sprint("Waits ", i)))
	}
	if queued := p.countTasks(t, "ready"); queued < n { // a letter to whoever signed up may be among them
		t.Fatalf("%d tasks are ready, want %d", queued, n)
	}
	return ids
}

// wantAllProcessed waits until the videos are final, and fails the test unless all are processed and published.
func (p *person) wantAllProcessed(t *testing.T, ids []string) {
	t.Helper()
	for _, id := range ids {
		if v := p.waitForFinal(t, id); v.Status != "processed" {
			t.Errorf("the video is %+v", v)
		}
	}
	entries := p.queryInt(t, `SELECT COUNT(*) AS n FROM voting_entries`)
	if videos := p.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos`); entries != videos {
		t.Errorf("%d entries are published of %d videos", entries, videos)
	}
}

// When Redis is flushed and restarted, and PostgreSQL is restarted, a running site continues without a restart of its
// own and loses nothing.
func TestSiteSurvivesRestartsOfItsServers(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	s, postgres, redis := newSiteOnOwnServers(t)
	s.log = &logBuffer{}
	s.startRole(t, "serve")
	ana := s.newPerson(t, "")

	ids := ana.uploadUnprocessed(t, 3)
	runRedisCommands(t, redis.URL, "FLUSHALL")
	if n := s.countTasks(t); n != 0 {
		t.Fatalf("%d tasks survive the flush", n)
	}
	// A task counts as lost a minute after it was sent; the test lets that time pass.
	s.execSQL(t, `UPDATE media_videos SET sent_at = 1`)
	s.startRole(t, "work")
	ana.wantAllProcessed(t, ids)

	redis.stop(t)
	late := ana.upload(t, tinyClip(t), "Without a queue") // the row alone is enough to process it later
	s.waitForReady(t)
	redis.start(t)
	ana.wantAllProcessed(t, []string{late})

	postgres.stop(t)
	s.get(t, "/readyz", "").want(t, http.StatusServiceUnavailable, "")
	gallery := s.get(t, "/api/public/videos", "")
	if gallery.Status != http.StatusInternalServerError && gallery.Status != http.StatusServiceUnavailable {
		t.Errorf("without its database the gallery answers %d %s", gallery.Status, gallery.Body)
	}
	postgres.start(t)
	s.waitForReady(t)
	s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "")
	ana.wantAllProcessed(t, []string{ana.upload(t, tinyClip(t), "After the restart")})
	for _, p := range s.processes {
		if !p.isRunning() {
			t.Errorf("%s has exited", p.role())
		}
	}
}
