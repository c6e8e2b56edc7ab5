package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"risingstars/infra/contracttest"
	"risingstars/platform/database"
)

// event is one Server-Sent Event of a video.
type event struct {
	id, name string
	data     struct {
		Status        string
		Step          string `json:"stage"`
		Progress      int
		QueuePosition int `json:"queue_position"`
		Failure       *struct{ Code, Detail string }
	}
}

// events opens the stream of a video and returns its events. The channel is closed when the stream ends.
func (p *person) events(t *testing.T, id, lastSeen string) <-chan event {
	t.Helper()
	url := p.URL + "/api/videos/" + id + "/events"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	if lastSeen != "" {
		request.Header.Set("Last-Event-ID", lastSeen)
	}
	response, err := contracttest.Client(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("the stream begins with %s, %s", response.Status, response.Header.Get("Content-Type"))
	}
	sent := make(chan event, 1000)
	go func() {
		defer close(sent)
		defer response.Body.Close()
		var e event
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				if err := json.Unmarshal([]byte(value), &e.data); err != nil {
					t.Errorf("event %q: %v", value, err)
				}
			case "":
				if e.name != "" {
					sent <- e
				}
				e = event{}
			}
		}
	}()
	return sent
}

func TestProgressIsStreamedUntilTheVideoIsFinal(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true", slowFFmpeg(t))
	ana, beto := s.newPerson(t, ""), s.newPerson(t, "")
	id := ana.uploadMock(t, tinyClip(t), "Watched") // a mock, so that the work begins after the stream
	s.get(t, "/api/videos/"+id+"/events", "").want(t, http.StatusUnauthorized, "unauthenticated")
	s.get(t, "/api/videos/"+id+"/events", beto.Token).want(t, http.StatusForbidden, "forbidden")
	s.get(t, "/api/videos/none/events", ana.Token).want(t, http.StatusNotFound, "not_found")

	stream := ana.events(t, id, "")
	seen := []event{<-stream}
	s.processMocks(t)
	for e := range stream {
		seen = append(seen, e)
	}
	last := seen[len(seen)-1]
	if last.name != "final" || last.data.Status != "processed" || last.data.Progress != 100 {
		t.Fatalf("the last event is %+v", last)
	}
	progress, between := 0, 0
	for _, e := range seen[:len(seen)-1] {
		if e.name != "progress" || e.id == "" || e.data.Progress < progress || e.data.Progress > 100 {
			t.Fatalf("event %+v follows %d %%", e, progress)
		}
		progress = e.data.Progress
		if progress > 0 && progress < 100 {
			between++
		}
	}
	if between == 0 {
		t.Fatalf("no event between 0 and 100 %%: %+v", seen)
	}

	// A client that reconnects gets what is new, and 204 if nothing can be new any more.
	if e := <-ana.events(t, id, seen[0].id); e.name != "final" {
		t.Fatalf("after a reconnect: %+v", e)
	}
	url := s.URL + "/api/videos/" + id + "/events"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+ana.Token)
	request.Header.Set("Last-Event-ID", last.id)
	send(t, request).want(t, http.StatusNoContent, "")
}

func TestWaitingVideosReportTheirQueuePosition(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	s := startSite(t, "SHUTDOWN_GRACE_SECONDS=600", "LOAD_TEST_ENDPOINTS=true")
	ana := s.newPerson(t, "")
	var ids []string
	for _, title := range []string{"First", "Second", "Third"} {
		ids = append(ids, ana.uploadMock(t, tinyClip(t), title))
	}
	// The videos wait and no worker gets a task, because their tasks seem to have been sent just now.
	s.execSQL(t, `UPDATE media_videos SET mock = ?, sent_at = ?`, false, database.Micros(time.Now()))
	for i, id := range ids {
		if e := <-ana.events(t, id, ""); e.data.Step != "queued" || e.data.QueuePosition != i+1 {
			t.Errorf("video %d begins with %+v", i+1, e)
		}
	}
	third := ana.events(t, ids[2], "")
	<-third
	s.do(t, http.MethodDelete, "/api/videos/"+ids[2], ana.Token, "", nil).want(t, http.StatusOK, "")
	var last event
	for last = range third {
		continue
	}
	if last.name != "deleted" {
		t.Errorf("the stream of a deleted video ends with %+v", last)
	}

	// Open streams do not delay a stop: it is clean, and long before the end of the grace, which is longer than a test
	// waits.
	second := ana.events(t, ids[1], "")
	<-second
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for range second {
		continue
	}
}
