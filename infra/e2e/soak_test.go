package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// soak is a site on which, at the same time, people upload and vote through nginx and the test kills processes.
type soak struct {
	*site
	mu      sync.Mutex
	uploads map[string]*person // by the id of each acknowledged video
}

// Every acknowledged upload is published once, every vote counts once, and storage holds no other files, although a
// random process is killed every few seconds while 20 clips are uploaded.
func TestEveryAcknowledgedClipIsPublishedOnce(t *testing.T) {
	onlyInStage(t, onehost, aws)
	t.Parallel()
	const clips, clients, voters, kills = 20, 4, 3, 8
	s := &soak{site: startFleet(t, "SECRET_KEY="+votingSecret, "AUTH_RATE_LIMIT=false",
		"UPLOADS_UNPUBLISHED_PER_ACCOUNT=0"), uploads: map[string]*person{}}
	var people []*person
	for range clients {
		people = append(people, s.newPerson(t, ""))
	}
	tiny := readFile(t, tinyClip(t))
	var group sync.WaitGroup
	killed := make(chan struct{})
	group.Go(func() { defer close(killed); s.killProcesses(t, kills) })
	for i, p := range people {
		group.Go(func() {
			for n := range clips / clients {
				s.upload(t, p, tiny, fmt.Sprintf("Clip %d of %d", n, i))
			}
		})
	}
	<-killed
	group.Wait()
	if t.Failed() {
		return
	}
	s.waitForProcessing(t)
	for _, token := range voterTokens(t, voters) {
		group.Go(func() { s.voteForAll(t, token) })
	}
	group.Wait()
	s.wantEachPublishedOnce(t, voters)
}

// killProcesses kills a process every few seconds and starts it again. It goes through all processes in random order
// before it kills one of them a second time.
func (s *soak) killProcesses(t *testing.T, kills int) {
	var order []int
	for n := range kills {
		if len(order) == 0 {
			order = rand.Perm(len(s.processes))
		}
		// The pause sets the pace of the kills; it does not wait for anything.
		time.Sleep(time.Duration(2000+rand.IntN(1500)) * time.Millisecond)
		victim := order[0]
		order = order[1:]
		if s.processes[victim].role() == "work" {
			// A task whose worker is killed three times becomes a dead letter, as it should, so the test avoids that.
			const lastAttempts = `SELECT COUNT(*) AS n FROM media_videos WHERE status = 'processing' AND attempt > 2`
			eventually(t, "no video is in its last attempt", func() bool { return s.queryInt(t, lastAttempts) == 0 })
		}
		t.Logf("kill %d: %s", n+1, s.processes[victim].role())
		s.processes[victim].kill(t)
		s.restart(t, victim)
	}
}

// upload sends a clip until it is acknowledged.
func (s *soak) upload(t *testing.T, p *person, clip, title string) {
	contentType, body := multipartBody(t, part{"file", clip, "clip.mp4"}, part{Name: "title", Value: title})
	for deadline := time.Now().Add(waitTimeout); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		url := s.URL + "/api/videos/upload"
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body.Bytes()))
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("Authorization", "Bearer "+p.Token)
		response, err := contracttest.Client(t).Do(request)
		if err != nil {
			continue
		}
		var v video
		err = json.NewDecoder(response.Body).Decode(&v)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusCreated && err == nil {
			s.mu.Lock()
			s.uploads[v.VideoID] = p
			s.mu.Unlock()
			return
		}
		if response.StatusCode < http.StatusInternalServerError && err == nil {
			t.Errorf("an upload is answered with %d", response.StatusCode)
			return
		}
	}
	t.Errorf("%s is never acknowledged", title)
}

// voteForAll votes for every acknowledged video once it is published, and then once more, which is refused.
func (s *soak) voteForAll(t *testing.T, token string) {
	for id := range s.uploads {
		url := s.URL + "/api/public/videos/" + id + "/vote"
		deadline := time.Now().Add(waitTimeout)
		for voted := false; !voted; {
			status, body := tryRequest(t, contracttest.Client(t), http.MethodPost, url, token)
			voted = status == http.StatusOK
			if !voted && time.Now().After(deadline) {
				t.Errorf("video %s cannot be voted for: %d %s", id, status, body)
				return
			}
			if !voted {
				time.Sleep(200 * time.Millisecond)
			}
		}
		status, body := tryRequest(t, contracttest.Client(t), http.MethodPost, url, token)
		if status != http.StatusBadRequest {
			t.Errorf("a second vote for %s: %d %s", id, status, body)
		}
	}
}

// waitForProcessing waits until no video is waiting or in work. It fails the test if their number does not fall for
// waitTimeout. These videos include uploads that were stored although their response was lost.
func (s *soak) waitForProcessing(t *testing.T) {
	t.Helper()
	waiting := func() int {
		return s.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos WHERE status IN ('uploaded', 'processing')`)
	}
	for left := waiting(); left > 0; {
		before := left
		eventually(t, fmt.Sprintf("one of %d waiting videos is processed", left), func() bool {
			left = waiting()
			return left < before
		})
	}
}

// wantEachPublishedOnce fails the test unless every stored video is published once, every acknowledged video has one
// vote of each voter, and storage holds no other files.
func (s *soak) wantEachPublishedOnce(t *testing.T, voters int) {
	t.Helper()
	stored := s.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos`)
	if n := s.queryInt(t, `SELECT COUNT(*) AS n FROM media_videos WHERE status = 'processed'`); n != stored {
		t.Errorf("%d of %d videos are processed", n, stored)
	}
	published := map[string]int{}
	for page := 1; ; page++ {
		var entries []video
		s.get(t, fmt.Sprintf("/api/public/videos?page=%d&page_size=100", page), "").
			want(t, http.StatusOK, "").decode(t, &entries)
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			published[e.VideoID]++
			if _, acknowledged := s.uploads[e.VideoID]; acknowledged && e.Votes != voters {
				t.Errorf("video %s has %d votes, want %d", e.VideoID, e.Votes, voters)
			}
		}
	}
	for id := range s.uploads {
		if published[id] != 1 {
			t.Errorf("video %s is published %d times", id, published[id])
		}
	}
	if len(published) != stored {
		t.Errorf("%d videos are published, %d stored", len(published), stored)
	}
	var ranking struct{ Rankings []struct{ Votes int } }
	s.get(t, "/api/public/rankings", "").want(t, http.StatusOK, "").decode(t, &ranking)
	ranked := 0
	for _, rank := range ranking.Rankings {
		ranked += rank.Votes
	}
	votes := s.queryInt(t, `SELECT COUNT(*) AS n FROM voting_votes`)
	if want := voters * len(s.uploads); ranked != want || votes != want {
		t.Errorf("the ranking counts %d votes and %d are stored, want %d", ranked, votes, want)
	}

	s.waitForSweeper(t)
	eventually(t, "no work is in progress", func() bool {
		return len(s.temporaryFiles(t)) == 0 && s.countTasks(t) == 0
	})
	if files := s.storedFiles(t); len(files) != filesWithoutSmall*stored {
		t.Errorf("storage holds %d files of %d videos: %q", len(files), stored, files)
	}
	t.Logf("%d acknowledged, %d stored", len(s.uploads), stored)
}
