package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// session is what a program has after a sign-in or a refresh.
type session struct {
	Token   string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"session_id"`
}

// signIn opens one more session of a person.
func (p *person) signIn(t *testing.T) (s session) {
	t.Helper()
	p.post(t, "/api/auth/login", "", map[string]string{"email": p.Email, "password": password}).
		want(t, http.StatusOK, "").decode(t, &s)
	if s.Token == "" || s.Refresh == "" || s.ID == "" {
		t.Fatalf("the session is %+v", s)
	}
	return s
}

func (s *site) refresh(t *testing.T, url, token string) apiResponse {
	t.Helper()
	return s.post(t, url+"/api/auth/refresh", "", map[string]string{"refresh_token": token})
}

// wantEnded waits until a process refuses the token. What has ended holds everywhere within 10 s, and each request of
// this test takes some time of its own.
func (s *site) wantEnded(t *testing.T, url, token string) {
	t.Helper()
	began := time.Now()
	eventually(t, "the session ends", func() bool {
		return s.get(t, url+"/api/auth/me", token).Status == http.StatusUnauthorized
	})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the session went on for %s", took)
	}
}

// What is ended at one process ends at the others; what is not, goes on.
func TestSessionsAreListedRefreshedAndEndedEverywhere(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	s := newSite(t)
	s.log = &logBuffer{}
	one := s.startRole(t, "serve").URL
	two := one
	if stage() == onehost {
		two = s.startRole(t, "serve").URL
	}
	s.URL = one
	ana, eve := s.newPerson(t, ""), s.newPerson(t, "")
	phone, laptop, kept := ana.signIn(t), ana.signIn(t), ana.signIn(t)

	var next, again session
	s.refresh(t, one, laptop.Refresh).want(t, http.StatusOK, "").decode(t, &next)
	s.refresh(t, two, laptop.Refresh).want(t, http.StatusOK, "").decode(t, &again) // the answer was lost
	if next.ID != laptop.ID || next.Refresh == laptop.Refresh || again.Refresh != next.Refresh {
		t.Fatalf("%+v, then %+v, then %+v", laptop, next, again)
	}
	s.get(t, two+"/api/auth/me", next.Token).want(t, http.StatusOK, "")

	var listed []struct {
		ID, Kind, Device, Network string
		Current                   bool
	}
	s.get(t, one+"/api/auth/sessions", phone.Token).want(t, http.StatusOK, "").decode(t, &listed)
	if len(listed) != 4 || listed[0].ID != laptop.ID || listed[0].Kind != "program" || listed[0].Device == "" ||
		listed[0].Network != "127.0.0.0/24" {
		t.Fatalf("the sessions are %+v", listed)
	}
	for _, l := range listed {
		if l.Current != (l.ID == phone.ID) {
			t.Errorf("%s is current: %v", l.ID, l.Current)
		}
	}

	end := func(path, token string) apiResponse { return s.do(t, http.MethodDelete, path, token, "", nil) }
	end("/api/auth/sessions/"+phone.ID, eve.Token).want(t, http.StatusNotFound, "session_not_found")
	end("/api/auth/sessions/"+phone.ID, "").want(t, http.StatusUnauthorized, "unauthenticated")
	end("/api/auth/sessions/"+phone.ID, kept.Token).want(t, http.StatusNoContent, "")
	end("/api/auth/sessions/"+phone.ID, kept.Token).want(t, http.StatusNotFound, "session_not_found")
	s.get(t, one+"/api/auth/me", phone.Token).want(t, http.StatusUnauthorized, "unauthenticated")
	s.wantEnded(t, two, phone.Token)
	s.refresh(t, two, phone.Refresh).want(t, http.StatusUnauthorized, "bad_refresh_token")

	// Whoever comes with a token of two before has stolen it, or was robbed of it.
	s.refresh(t, two, next.Refresh).want(t, http.StatusOK, "").decode(t, &again)
	s.refresh(t, two, laptop.Refresh).want(t, http.StatusUnauthorized, "refresh_token_reused")
	s.refresh(t, one, again.Refresh).want(t, http.StatusUnauthorized, "bad_refresh_token")
	for _, token := range []string{laptop.Token, next.Token, again.Token} {
		s.wantEnded(t, one, token)
	}

	for _, token := range []string{kept.Token, ana.Token} {
		s.get(t, two+"/api/auth/me", token).want(t, http.StatusOK, "")
	}
	s.post(t, "/api/auth/logout", kept.Token, nil).want(t, http.StatusNoContent, "")
	s.get(t, one+"/api/auth/me", kept.Token).want(t, http.StatusUnauthorized, "unauthenticated")
	s.get(t, one+"/api/auth/me", ana.Token).want(t, http.StatusOK, "")
	s.post(t, "/api/auth/logout-all", ana.Token, nil).want(t, http.StatusNoContent, "")
	s.wantEnded(t, two, ana.Token)
	s.get(t, two+"/api/auth/me", eve.Token).want(t, http.StatusOK, "")
	s.get(t, two+"/api/auth/me", ana.signIn(t).Token).want(t, http.StatusOK, "")
}

// A process is killed while programs refresh their tokens. Whoever has lost an answer asks another process with the
// same token, and goes on.
func TestALostAnswerOfARefreshSignsNobodyOut(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	const programs, killed = 6, 3
	s := newSite(t)
	s.log = &logBuffer{}
	s.startRole(t, "serve", "RATE_LIMITS=false", fmt.Sprintf("HTTP_ADDR=127.0.0.1:%d", reservePort(t)))
	s.startRole(t, "serve", "RATE_LIMITS=false")
	urls := []string{s.processes[0].URL, s.processes[1].URL}
	s.URL = urls[1]
	ana := s.newPerson(t, "")
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		counts = map[string]int{}
	)
	stop := make(chan struct{})
	for range programs {
		mine := ana.signIn(t)
		group.Go(func() {
			for url := urls[0]; ; {
				select {
				case <-stop:
					return
				default:
				}
				next, status, err := askRefresh(t, url, mine.Refresh)
				mu.Lock()
				switch {
				case err != nil:
					counts["lost"]++
					url = urls[1]
				case status != http.StatusOK:
					t.Errorf("status %d", status)
					mu.Unlock()
					return
				default:
					counts["refreshed"]++
					mine, url = next, urls[0]
				}
				mu.Unlock()
			}
		})
	}
	refreshed := func() int {
		mu.Lock()
		defer mu.Unlock()
		return counts["refreshed"]
	}
	for n := range killed {
		target := refreshed() + 30
		atMoment(t, "tokens are refreshed", func() bool { return refreshed() > target || t.Failed() })
		s.processes[0].kill(t)
		if n < killed-1 {
			s.restart(t, 0)
			s.waitForReady(t)
		}
	}
	close(stop)
	group.Wait()
	if counts["lost"] == 0 {
		t.Error("no answer was lost")
	}
}

func askRefresh(t *testing.T, url, token string) (next session, status int, err error) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/auth/refresh",
		strings.NewReader(`{"refresh_token":"`+token+`"}`))
	if err != nil {
		return next, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return next, 0, err
	}
	defer answer.Body.Close()
	return next, answer.StatusCode, json.NewDecoder(answer.Body).Decode(&next)
}
