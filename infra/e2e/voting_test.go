package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/platform/auth"
)

const votingSecret = "a secret of thirty-two bytes or more"

// voterTokens returns tokens for voters that have no accounts: a vote needs a valid token, not an account.
func voterTokens(t *testing.T, voters int) []string {
	t.Helper()
	issuer := auth.NewTokens(auth.NewKeys([]byte(votingSecret), nil), time.Hour)
	var tokens []string
	for i := range voters {
		token, _, err := issuer.Issue(fmt.Sprintf("01900000-0000-7000-8000-%012d", i), "")
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	return tokens
}

// problemCode returns the code of a problem, or "" if the response is a success.
func problemCode(t *testing.T, a apiResponse) string {
	t.Helper()
	if a.Status < http.StatusBadRequest {
		return ""
	}
	var p problem
	a.decode(t, &p)
	return p.Code
}

// However 200 clients vote and take votes back for 40 voters at once, each voter's vote counts once, and all counts
// agree.
func TestVotesOverHTTPAreCountedOnce(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	const clients, steps, voters = 200, 5, 40
	s := startSite(t, "SECRET_KEY="+votingSecret, "VOTING_SELF_VOTES=false", "LOAD_TEST_ENDPOINTS=true")
	ana := s.newPerson(t, "Bogotá")
	waiting := ana.uploadMock(t, shortClip(t), "Waits its turn")
	s.do(t, http.MethodPost, "/api/public/videos/"+waiting+"/vote", ana.Token, "", nil).
		want(t, http.StatusNotFound, "not_found")
	id := ana.upload(t, shortClip(t), "Song")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	path, tokens := "/api/public/videos/"+id+"/vote", voterTokens(t, voters)
	s.do(t, http.MethodPost, path, ana.Token, "", nil).want(t, http.StatusBadRequest, "self_vote")

	var (
		mu      sync.Mutex
		balance = make([]int, voters) // successful votes minus votes that were taken back
		group   sync.WaitGroup
	)
	for range clients {
		group.Go(func() {
			for range steps {
				voter, method, by, refusal := rand.IntN(voters), http.MethodPost, +1, "already_voted"
				if rand.IntN(3) == 0 {
					method, by, refusal = http.MethodDelete, -1, "not_voted"
				}
				switch code := problemCode(t, s.do(t, method, path, tokens[voter], "", nil)); code {
				case "":
					mu.Lock()
					balance[voter] += by
					mu.Unlock()
				case refusal:
				default:
					t.Errorf("%s: %s", method, code)
				}
			}
		})
	}
	group.Wait()
	want := 0
	for voter, votes := range balance {
		if votes != 0 && votes != 1 {
			t.Errorf("voter %d has %d votes", voter, votes)
		}
		want += votes
	}
	if got := s.countVotes(t, ana, id); got != want {
		t.Errorf("%d votes are counted, want %d", got, want)
	}

	// When the owner deletes the video while votes arrive, it either has votes and stays, or it is deleted and has no
	// votes.
	for voter, votes := range balance {
		if votes == 1 {
			s.do(t, http.MethodDelete, path, tokens[voter], "", nil).want(t, http.StatusOK, "")
		}
	}
	cast := make([]string, voters)
	var deleted string
	group.Go(func() { deleted = problemCode(t, s.do(t, http.MethodDelete, "/api/videos/"+id, ana.Token, "", nil)) })
	for voter := range voters {
		group.Go(func() { cast[voter] = problemCode(t, s.do(t, http.MethodPost, path, tokens[voter], "", nil)) })
	}
	group.Wait()
	switch deleted {
	case "has_votes":
		if all := strings.Join(cast, ""); all != "" {
			t.Errorf("the video stays, but votes were refused: %v", cast)
		}
		if got := s.countVotes(t, ana, id); got != voters {
			t.Errorf("%d votes are counted, want %d", got, voters)
		}
	case "":
		for voter, code := range cast {
			if code != "not_found" {
				t.Errorf("the video is deleted, but voter %d got %q", voter, code)
			}
		}
		s.wantNotPublished(t, id)
	default:
		t.Errorf("the owner's deletion got %q", deleted)
	}
}

// countVotes returns a contestant's votes. It reads them wherever they are shown, and fails the test unless all agree
// once the public answers have been made again.
func (s *site) countVotes(t *testing.T, owner *person, id string) int {
	t.Helper()
	own := owner.video(t, id).Votes
	eventually(t, fmt.Sprintf("the gallery shows %d votes", own), func() bool {
		var public struct{ Votes int }
		s.get(t, "/api/public/videos/"+id, "").want(t, http.StatusOK, "").decode(t, &public)
		return public.Votes == own
	})
	eventually(t, fmt.Sprintf("the ranking shows %d votes", own), func() bool {
		var ranking struct {
			Rankings []struct {
				Votes  int
				UserID string `json:"user_id"`
			}
		}
		s.get(t, "/api/public/rankings?city=bogota", "").want(t, http.StatusOK, "").decode(t, &ranking)
		if len(ranking.Rankings) != 1 || ranking.Rankings[0].UserID != owner.ID {
			t.Fatalf("the ranking is %+v", ranking)
		}
		return ranking.Rankings[0].Votes == own
	})
	return own
}
