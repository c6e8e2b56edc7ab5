package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// onOwnServers is a site with a PostgreSQL and a Redis to itself, for tests that take these away; nothing runs on it yet.
func onOwnServers(t *testing.T) (s *site, postgres, redis *ownServer) {
	t.Helper()
	s = &site{DataDir: t.TempDir()}
	postgres, redis = startPostgres(t), startRedis(t)
	s.useServers(postgres.URL, redis.URL)
	s.migrate(t)
	return s, postgres, redis
}

// waiting uploads n clips that stay in the queue, as nothing works on them.
func (p *person) waiting(t *testing.T, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, p.upload(t, tinyClip(t), fmt.Sprint("Waits ", i)))
	}
	if queued := p.tasks(t, "ready"); queued != n {
		t.Fatalf("%d tasks wait, want %d", queued, n)
	}
	return ids
}

func (p *person) allProcessed(t *testing.T, ids []string) {
	t.Helper()
	for _, id := range ids {
		if v := p.final(t, id); v.Status != "processed" {
			t.Errorf("%+v", v)
		}
	}
	if n := p.rows(t, `SELECT COUNT(*) AS n FROM voting_entries`); n != p.rows(t, `SELECT COUNT(*) AS n FROM media_videos`) {
		t.Errorf("%d entries are published", n)
	}
}

// TestTheServersMayGoAwayAndComeBack empties and restarts Redis and restarts PostgreSQL under a running site, which goes on
// without a restart of its own and loses nothing.
func TestTheServersMayGoAwayAndComeBack(t *testing.T) {
	only(t, onehost)
	t.Parallel()
	s, postgres, redis := onOwnServers(t)
	s.log = &logBuffer{}
	s.startRole(t, "serve")
	ana := s.join(t, "")

	ids := ana.waiting(t, 3)
	askRedis(t, redis.URL, "FLUSHALL")
	if n := s.tasks(t); n != 0 {
		t.Fatalf("%d tasks survive the flush", n)
	}
	// A minute after it was sent a task counts as lost: the test makes that time pass.
	s.change(t, `UPDATE media_videos SET sent_at = 1`)
	s.startRole(t, "work")
	ana.allProcessed(t, ids)

	redis.stop(t)
	late := ana.upload(t, tinyClip(t), "Without a queue") // the row is the truth
	s.eventuallyReady(t)
	redis.start(t)
	ana.allProcessed(t, []string{late})

	postgres.stop(t)
	s.get(t, "/readyz", "").want(t, http.StatusServiceUnavailable, "")
	if a := s.get(t, "/api/public/videos", ""); a.Status != http.StatusInternalServerError && a.Status != http.StatusServiceUnavailable {
		t.Errorf("without its database the gallery says %d %s", a.Status, a.Body)
	}
	postgres.start(t)
	s.eventuallyReady(t)
	s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "")
	ana.allProcessed(t, []string{ana.upload(t, tinyClip(t), "After the restart")})
	for _, p := range s.processes {
		if !p.runs() {
			t.Errorf("%s ended", p.role())
		}
	}
}
