package main

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestARollingRestartLosesNoRequest restarts both serve behind nginx, one after the other, while clients that keep their
// connections read and vote.
func TestARollingRestartLosesNoRequest(t *testing.T) {
	only(t, onehost)
	t.Parallel()
	const readers, voters, rounds = 3, 3, 2
	s := startFleet(t, "SECRET_KEY="+votingSecret, "SHUTDOWN_DRAIN_SECONDS=60") // over when nginx has let go of its connections
	ana := s.join(t, "")
	id := ana.upload(t, shortClip(t), "Song")
	if v := ana.final(t, id); v.Status != "processed" {
		t.Fatalf("%+v", v)
	}

	var requests atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	load := func(client *http.Client, method, path, token string) {
		status, body := ask(t, client, method, s.URL+path, token)
		if requests.Add(1); status != http.StatusOK {
			t.Errorf("%s %s: %d %s", method, path, status, body)
		}
	}
	keep := func(steps ...func(*http.Client)) {
		group.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
			for {
				for _, step := range steps {
					select {
					case <-stop:
						return
					default:
						step(client)
					}
				}
			}
		})
	}
	for range readers {
		keep(func(c *http.Client) { load(c, http.MethodGet, "/api/public/videos", "") },
			func(c *http.Client) { load(c, http.MethodGet, "/api/public/rankings", "") })
	}
	for _, token := range tokensOf(t, voters) {
		vote := "/api/public/videos/" + id + "/vote"
		keep(func(c *http.Client) { load(c, http.MethodPost, vote, token) },
			func(c *http.Client) { load(c, http.MethodDelete, vote, token) })
	}
	for round := range rounds {
		for i := range 2 {
			before := requests.Load()
			eventually(t, "the load goes on", func() bool { return requests.Load() > before+50 })
			began := time.Now()
			s.processes[i].signal(t, syscall.SIGTERM)
			if code := s.processes[i].wait(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			t.Logf("round %d, serve %d: the stop took %s", round+1, i+1, time.Since(began).Round(time.Millisecond))
			s.again(t, i)
		}
	}
	close(stop)
	group.Wait()
	t.Logf("%d requests", requests.Load())
}

// ask sends a request and reads the answer; status 0 is none at all.
func ask(t *testing.T, client *http.Client, method, url, token string) (status int, body string) {
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(content)
}
