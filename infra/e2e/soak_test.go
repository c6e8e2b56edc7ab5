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
)

// soak is what happens to a fleet at the same time: people upload and vote through nginx, and somebody kills processes.
type soak struct {
	*site
	mu      sync.Mutex
	uploads map[string]*person // by the id of each acknowledged video
}

// TestEveryAcknowledgedClipIsPublishedOnce kills a random process every few seconds while 60 clips are uploaded and voted
// on. Each upload that was acknowledged is published once, each vote counts once, and storage holds nothing else.
func TestEveryAcknowledgedClipIsPublishedOnce(t *testing.T) {
	only(t, onehost, aws)
	t.Parallel()
	const clips, clients, voters, kills = 60, 4, 3, 12
	s := &soak{site: startFleet(t, "SECRET_KEY="+votingSecret, "AUTH_RATE_LIMIT=false"), uploads: map[string]*person{}}
	var people []*person
	for range clients {
		people = append(people, s.join(t, ""))
	}
	tiny := fileText(t, tinyClip(t))
	var group sync.WaitGroup
	killed := make(chan struct{})
	group.Go(func() { defer close(killed); s.killSome(t, kills) })
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
	s.untilProcessed(t)
	for _, token := range tokensOf(t, voters) {
		group.Go(func() { s.voteForAll(t, token) })
	}
	group.Wait()
	s.wantEachOnce(t, voters)
}

// killSome kills a process every few seconds and starts it again; of any four in a row, each is one.
func (s *soak) killSome(t *testing.T, kills int) {
	var order []int
	for n := range kills {
		if len(order) == 0 {
			order = rand.Perm(len(s.processes))
		}
		time.Sleep(time.Duration(2000+rand.IntN(1500)) * time.Millisecond) // the pace of the trouble, not a wait for something
		victim := order[0]
		order = order[1:]
		if s.processes[victim].role() == "work" {
			// A task that is killed three times is given up, and that is right.
			eventually(t, "nothing is tried for the last time", func() bool {
				return s.rows(t, `SELECT COUNT(*) AS n FROM media_videos WHERE status = 'processing' AND attempt > 2`) == 0
			})
		}
		t.Logf("kill %d: %s", n+1, s.processes[victim].role())
		s.processes[victim].kill(t)
		s.again(t, victim)
	}
}

// upload sends a clip until it is acknowledged.
func (s *soak) upload(t *testing.T, p *person, clip, title string) {
	contentType, body := multipartBody(t, part{"file", clip, "clip.mp4"}, part{Name: "title", Value: title})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/videos/upload", bytes.NewReader(body.Bytes()))
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("Authorization", "Bearer "+p.Token)
		response, err := http.DefaultClient.Do(request)
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
			t.Errorf("an upload is answered %d", response.StatusCode)
			return
		}
	}
	t.Errorf("%s is never acknowledged", title)
}

// voteForAll votes for every acknowledged video once it is published, and then once more, which is refused.
func (s *soak) voteForAll(t *testing.T, token string) {
	for id := range s.uploads {
		url := s.URL + "/api/public/videos/" + id + "/vote"
		deadline := time.Now().Add(patience)
		for voted := false; !voted; {
			status, body := ask(t, http.DefaultClient, http.MethodPost, url, token)
			voted = status == http.StatusOK
			if !voted && time.Now().After(deadline) {
				t.Errorf("video %s cannot be voted for: %d %s", id, status, body)
				return
			}
			if !voted {
				time.Sleep(200 * time.Millisecond)
			}
		}
		if status, body := ask(t, http.DefaultClient, http.MethodPost, url, token); status != http.StatusBadRequest {
			t.Errorf("a second vote for %s: %d %s", id, status, body)
		}
	}
}

// untilProcessed waits until no video waits, as long as they become fewer. An upload may have been stored although its answer
// was lost: it is published as well.
func (s *soak) untilProcessed(t *testing.T) {
	t.Helper()
	waiting := func() int {
		return s.rows(t, `SELECT COUNT(*) AS n FROM media_videos WHERE status IN ('uploaded', 'processing')`)
	}
	for left := waiting(); left > 0; {
		before := left
		eventually(t, fmt.Sprintf("of %d videos that wait, one is processed", left), func() bool { left = waiting(); return left < before })
	}
}

func (s *soak) wantEachOnce(t *testing.T, voters int) {
	t.Helper()
	stored := s.rows(t, `SELECT COUNT(*) AS n FROM media_videos`)
	if n := s.rows(t, `SELECT COUNT(*) AS n FROM media_videos WHERE status = 'processed'`); n != stored {
		t.Errorf("%d of %d videos are processed", n, stored)
	}
	published := map[string]int{}
	for page := 1; ; page++ {
		var entries []video
		s.get(t, fmt.Sprintf("/api/public/videos?page=%d&page_size=100", page), "").want(t, http.StatusOK, "").into(t, &entries)
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
	s.get(t, "/api/public/rankings", "").want(t, http.StatusOK, "").into(t, &ranking)
	ranked := 0
	for _, rank := range ranking.Rankings {
		ranked += rank.Votes
	}
	if want := voters * len(s.uploads); ranked != want || s.rows(t, `SELECT COUNT(*) AS n FROM voting_votes`) != want {
		t.Errorf("the ranking counts %d votes, want %d", ranked, want)
	}

	// What killed processes left in storage waits for its time: the test makes it come.
	s.change(t, `UPDATE media_unclaimed_files SET delete_after = 1`)
	eventually(t, "the sweeper has been", func() bool { return s.rows(t, `SELECT COUNT(*) AS n FROM media_unclaimed_files`) == 0 })
	eventually(t, "nothing is under way", func() bool { return len(s.temporary(t)) == 0 && s.tasks(t) == 0 })
	if files := s.files(t); len(files) != 3*stored {
		t.Errorf("storage holds %d files of %d videos: %q", len(files), stored, files)
	}
	t.Logf("%d acknowledged, %d stored", len(s.uploads), stored)
}
