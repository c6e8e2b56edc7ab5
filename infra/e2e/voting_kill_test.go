package e2e

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"risingstars/infra/contracttest"
)

// ballot is what a voter knows: whether the vote stands, unless the last answer was lost.
type ballot struct {
	token      string
	stands     bool
	unanswered bool
	lost       int // answers
}

// 10,000 votes, votes taken back and repetitions for one video arrive at two processes, of which one is killed in the
// middle, twice. No acknowledged vote is lost, none counts twice, and the counters equal the votes.
func TestNoAcknowledgedVoteIsLostWhenAProcessIsKilled(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	const clients, voters, total, kills = 50, 500, 10_000, 2
	s := newSite(t)
	s.startAll(t, "SECRET_KEY="+votingSecret, "RATE_LIMITS=false", "TRUSTED_PROXIES=")
	urls := []string{s.processes[0].URL, s.processes[1].URL}
	s.URL = urls[1] // the other one is killed
	ana := s.newPerson(t, "Bogotá")
	id := ana.upload(t, tinyClip(t), "Song")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	ballots := make([]ballot, voters)
	for i, token := range voterTokens(t, voters) {
		ballots[i].token = token
	}

	var done atomic.Int64
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			mine := ballots[client*voters/clients : (client+1)*voters/clients]
			for range total / clients {
				mine[rand.IntN(len(mine))].change(t, urls[rand.IntN(len(urls))]+"/api/public/videos/"+id+"/vote")
				done.Add(1)
			}
		})
	}
	for n := range int64(kills) {
		atMoment(t, "some votes are cast", func() bool { return done.Load() > (n+1)*total/4 })
		s.processes[0].kill(t)
		s.restart(t, 0)
	}
	group.Wait()
	if t.Failed() {
		return
	}
	want, lost := 0, 0
	for i := range ballots {
		b := &ballots[i]
		lost += b.lost
		if b.unanswered {
			b.send(t, http.MethodPost, "already_voted", urls[1]+"/api/public/videos/"+id+"/vote")
		}
		if b.stands {
			want++
		}
	}
	stored := s.queryInt(t, `SELECT COUNT(*) AS n FROM voting_votes WHERE video_id = ?`, id)
	if got := s.countVotes(t, ana, id); got != want || stored != want {
		t.Errorf("%d votes are counted and %d stored, want %d", got, stored, want)
	}
	t.Logf("%d votes stand after %d changes, %d of them without an answer", want, total, lost)
	if lost == 0 {
		t.Error("the process was killed when nobody voted")
	}
}

// change votes, or takes the vote back, or repeats what was done. The answer must agree with what the voter knows.
func (b *ballot) change(t *testing.T, url string) {
	method, refusal := http.MethodPost, "already_voted"
	if rand.IntN(2) == 0 {
		method, refusal = http.MethodDelete, "not_voted"
	}
	b.send(t, method, refusal, url)
}

func (b *ballot) send(t *testing.T, method, refusal, url string) {
	wish := method == http.MethodPost
	status, body := tryRequest(t, contracttest.Client(t), method, url, b.token)
	switch {
	case status == 0 || status == http.StatusServiceUnavailable:
		b.unanswered = true
		b.lost++
		return
	case !b.unanswered && (status == http.StatusOK) == (b.stands == wish):
		t.Errorf("%s of a vote that stands: %t is answered with %d %s", method, b.stands, status, body)
	case status != http.StatusOK && !strings.Contains(body, `"code":"`+refusal+`"`):
		t.Errorf("%s: %d %s", method, status, body)
	}
	b.stands, b.unanswered = wish, false
}
