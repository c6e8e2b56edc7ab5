package e2e

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// A rolling restart loses no request: both serve processes behind nginx are restarted, one after the other, while
// clients with persistent connections read, vote, and upload as slowly as phones do.
func TestRollingRestartLosesNoRequest(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	const readers, voters, uploaders, rounds = 3, 3, 2, 2
	s := startFleet(t, "SECRET_KEY="+votingSecret, "LOAD_TEST_ENDPOINTS=true", "RATE_LIMITS=false",
		"SHUTDOWN_DRAIN_SECONDS=60") // the drain ends earlier, when nginx has closed its connections
	ana := s.newPerson(t, "")
	id := ana.upload(t, shortClip(t), "Song")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}

	var requests, uploads atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	load := func(client *http.Client, method, path, token string) {
		status, body := tryRequest(t, client, method, s.URL+path, token)
		if requests.Add(1); status != http.StatusOK {
			t.Errorf("%s %s: %d %s", method, path, status, body)
		}
	}
	repeat := func(steps ...func(*http.Client)) {
		group.Go(func() {
			client := &http.Client{Transport: contracttest.Transport(t, &http.Transport{}), Timeout: waitTimeout}
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
		repeat(func(c *http.Client) { load(c, http.MethodGet, "/api/public/videos", "") },
			func(c *http.Client) { load(c, http.MethodGet, "/api/public/rankings", "") })
	}
	for _, token := range voterTokens(t, voters) {
		vote := "/api/public/videos/" + id + "/vote"
		repeat(func(c *http.Client) { load(c, http.MethodPost, vote, token) },
			func(c *http.Client) { load(c, http.MethodDelete, vote, token) })
	}
	for range uploaders {
		contentType, form := multipartBody(t,
			part{"file", shortClipContent(t), "clip.mp4"}, part{Name: "title", Value: "Song"})
		repeat(func(c *http.Client) {
			url, body := s.URL+"/api/videos/upload-mock", &slowReader{content: form.Bytes()}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Authorization", "Bearer "+ana.Token)
			request.Header.Set("Content-Type", contentType)
			status, response := trySend(c, request)
			if uploads.Add(1); status != http.StatusAccepted {
				t.Errorf("an upload is answered with %d %s", status, response)
			}
		})
	}
	for round := range rounds {
		for i := range 2 {
			before, beforeUploads := requests.Load(), uploads.Load()
			atMoment(t, "the load continues", func() bool {
				return requests.Load() > before+50 && uploads.Load() > beforeUploads
			})
			began := time.Now()
			s.processes[i].signal(t, syscall.SIGTERM)
			if code := s.processes[i].wait(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			t.Logf("round %d, serve %d: the stop took %s", round+1, i+1, time.Since(began).Round(time.Millisecond))
			s.restart(t, i)
		}
	}
	close(stop)
	group.Wait()
	t.Logf("%d requests, %d uploads", requests.Load(), uploads.Load())
}

// slowReader returns its content in about twenty pieces with pauses between them.
type slowReader struct {
	content []byte
	read    int
}

func (s *slowReader) Read(into []byte) (int, error) {
	if s.read == len(s.content) {
		return 0, io.EOF
	}
	time.Sleep(50 * time.Millisecond)
	n := copy(into[:min(len(into), len(s.content)/20+1)], s.content[s.read:])
	s.read += n
	return n, nil
}

// tryRequest sends a request and reads the response, without failing the test. If there is no response, status is 0 and
// body is the error.
func tryRequest(t *testing.T, client *http.Client, method, url, token string) (status int, body string) {
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return trySend(client, request)
}

// trySend is tryRequest for a prepared request.
func trySend(client *http.Client, request *http.Request) (status int, body string) {
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
