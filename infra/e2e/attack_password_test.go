package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"testing"

	"risingstars/infra/contracttest"
)

// 240 sign-ins at once from one client leave everybody else's alone.
func TestABurstOfSignInsDelaysNobodyElse(t *testing.T) {
	attackIn(t, embedded, onehost)
	t.Parallel()
	s := besiege(t)
	guess, err := json.Marshal(map[string]string{"email": "ana@example.com", "password": "a guess"})
	if err != nil {
		t.Fatal(err)
	}
	s.while(t, func(context.Context) {
		var group sync.WaitGroup
		for range 240 {
			group.Go(func() {
				a := s.do(t, http.MethodPost, "/api/auth/login", "", "application/json", bytes.NewReader(guess))
				switch a.Status {
				case http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable:
				default:
					t.Errorf("a guess is answered with %d %s", a.Status, a.Body)
				}
			})
		}
		group.Wait()
	})
}

// Guessing stops after a few attempts, and the owner of the account still signs in with the browser of before.
func TestGuessingAnAccountDoesNotKeepItsOwnerOut(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: contracttest.Transport(t, nil)}
	signIn := func(client *http.Client, password string) *http.Response {
		t.Helper()
		body, err := json.Marshal(map[string]string{"email": ana.Email, "password": password})
		if err != nil {
			t.Fatal(err)
		}
		target := s.URL + "/api/auth/login"
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response
	}
	if r := signIn(browser, password); r.StatusCode != http.StatusOK {
		t.Fatalf("the owner's first sign-in is answered with %d", r.StatusCode)
	}
	refused := 0
	for range 20 {
		r := signIn(contracttest.Client(t), "a guess")
		if r.StatusCode == http.StatusTooManyRequests {
			refused++
			headers := []string{"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
			for _, header := range headers {
				if r.Header.Get(header) == "" {
					t.Errorf("the refusal has no %s", header)
				}
			}
		}
	}
	if refused < 10 {
		t.Errorf("only %d of 20 guesses are refused", refused)
	}
	if r := signIn(contracttest.Client(t), password); r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the right guess after all these is answered with %d", r.StatusCode)
	}
	if r := signIn(browser, password); r.StatusCode != http.StatusOK {
		t.Errorf("the owner is answered with %d", r.StatusCode)
	}
}
