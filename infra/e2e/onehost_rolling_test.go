package e2e

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
// connections read, vote and upload, these as slowly as a phone does.
func TestARollingRestartLosesNoRequest(t *testing.T) {
	only(t, onehost)
	t.Parallel()
	const readers, voters, uploaders, rounds = 3, 3, 2, 2
	s := startFleet(t, "SECRET_KEY="+votingSecret, "LOAD_TEST_ENDPOINTS=true",
		"SHUTDOWN_DRAIN_SECONDS=60") // over when nginx has let go of its connections
	ana := s.join(t, "")
	id := ana.upload(t, shortClip(t), "Song")
	if v := ana.final(t, id); v.Status != "processed" {
		t.Fatalf("%+v", v)
	}

	var requests, uploads atomic.Int64
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
	for range uploaders {
		contentType, form := multipartBody(t, part{"file", readFile(t, shortClip(t)), "clip.mp4"}, part{Name: "title", Value: "Song"})
		keep(func(c *http.Client) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/videos/upload-mock", &trickle{content: form.Bytes()})
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Authorization", "Bearer "+ana.Token)
			request.Header.Set("Content-Type", contentType)
			status, body := exchange(c, request)
			if uploads.Add(1); status != http.StatusAccepted {
				t.Errorf("an upload: %d %s", status, body)
			}
		})
	}
	for round := range rounds {
		for i := range 2 {
			before, beforeUploads := requests.Load(), uploads.Load()
			eventually(t, "the load goes on", func() bool { return requests.Load() > before+50 && uploads.Load() > beforeUploads })
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
	t.Logf("%d requests, %d uploads", requests.Load(), uploads.Load())
}

// trickle is read in twenty pieces with pauses between them.
type trickle struct {
	content []byte
	read    int
}

func (s *trickle) Read(into []byte) (int, error) {
	if s.read == len(s.content) {
		return 0, io.EOF
	}
	time.Sleep(50 * time.Millisecond)
	n := copy(into[:min(len(into), len(s.content)/20+1)], s.content[s.read:])
	s.read += n
	return n, nil
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
	return exchange(client, request)
}

func exchange(client *http.Client, request *http.Request) (status int, body string) {
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
