package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// signupBody returns a valid body for POST /api/auth/signup, with the fields in change replaced; nil removes a field.
func signupBody(email string, change map[string]any) map[string]any {
	body := map[string]any{
		"email": email, "password1": password, "password2": password,
		"first_name": "Ana", "last_name": "Ruiz", "city": "Bogotá", "country": "Colombia",
	}
	for name, value := range change {
		if body[name] = value; value == nil {
			delete(body, name)
		}
	}
	return body
}

func (s *site) login(t *testing.T, email, password string) apiResponse {
	t.Helper()
	return s.post(t, "/api/auth/login", "", map[string]string{"email": email, "password": password})
}

func TestSignInByJSONAndByForm(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	s := startSite(t)
	const email = "Ana.Ruiz@Example.com"
	var account map[string]any
	s.post(t, "/api/auth/signup", "", signupBody(email, nil)).want(t, http.StatusCreated, "").decode(t, &account)
	if account["email"] != email || account["city"] != "Bogotá" || account["id"] == "" || len(account) != 10 {
		t.Fatalf("the account is %v", account)
	}
	const login, formType = "/api/auth/login", "application/x-www-form-urlencoded; charset=utf-8"
	// The OAuth form calls the e-mail username.
	form := url.Values{
		"username": {strings.ToLower(email)}, "password": {password}, "grant_type": {"password"},
	}.Encode()
	for name, a := range map[string]apiResponse{
		"json":       s.login(t, strings.ToUpper(email), password),
		"json alias": s.post(t, login, "", map[string]string{"username": email, "password": password}),
		"form":       s.do(t, http.MethodPost, login, "", formType, strings.NewReader(form)),
	} {
		var session struct {
			Token   string `json:"access_token"`
			Type    string `json:"token_type"`
			Expires int    `json:"expires_in"`
		}
		a.want(t, http.StatusOK, "").decode(t, &session)
		if session.Type != "Bearer" || session.Expires != 3600 {
			t.Fatalf("%s: the session is %s", name, a.Body)
		}
		var me map[string]any
		s.get(t, "/api/auth/me", session.Token).want(t, http.StatusOK, "").decode(t, &me)
		if me["id"] != account["id"] || me["email"] != email {
			t.Fatalf("%s: me is %v", name, me)
		}
	}

	unknown, wrong := s.login(t, "nobody@example.com", password), s.login(t, email, password+"x")
	unknown.want(t, http.StatusUnauthorized, "bad_credentials")
	wrong.want(t, http.StatusUnauthorized, "bad_credentials")
	var a, b problem
	unknown.decode(t, &a)
	wrong.decode(t, &b)
	if a.Detail != b.Detail || a.Title != b.Title {
		t.Fatalf("an unknown e-mail and a wrong password are answered differently: %s and %s", unknown.Body, wrong.Body)
	}
}

// Many people who sign up with one e-mail address at once, in different spellings, create one account.
func TestOneAccountPerEmailAddress(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	s := startSite(t)
	const email, many = "ana.maria@example.com", 20
	responses := make([]apiResponse, many)
	var group sync.WaitGroup
	for i := range responses {
		spelling := []byte(email)
		for j := range spelling {
			if i>>(j%5)&1 == 1 {
				spelling[j] = bytes.ToUpper(spelling[j : j+1])[0]
			}
		}
		group.Go(func() {
			responses[i] = unlessBusy(t, func() apiResponse {
				return s.post(t, "/api/auth/signup", "", signupBody(string(spelling), nil))
			})
		})
	}
	group.Wait()
	created := 0
	for _, r := range responses {
		if r.Status == http.StatusCreated {
			created++
			continue
		}
		r.want(t, http.StatusBadRequest, "email_taken")
	}
	if created != 1 {
		t.Fatalf("%d accounts were created", created)
	}
}

func TestForgedAndExpiredTokensAreRefused(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	key := []byte(s.secret(t))
	mint := func(method jwt.SigningMethod, key any, change jwt.MapClaims) string {
		t.Helper()
		claims := jwt.MapClaims{
			"sub": ana.ID, "iss": "rising-stars-showcase", "aud": "rising-stars-showcase",
			"iat": time.Now().Add(-time.Minute).Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}
		for name, value := range change {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		token, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	// An unchanged token is accepted, so each of the others is refused because of its one change.
	s.get(t, "/api/auth/me", mint(jwt.SigningMethodHS256, key, nil)).want(t, http.StatusOK, "")
	parts := strings.Split(ana.Token, ".")
	ago := time.Now().Add(-2 * time.Minute).Unix() // by more than clocks may differ
	for name, token := range map[string]string{
		"expired":        mint(jwt.SigningMethodHS256, key, jwt.MapClaims{"exp": ago}),
		"without expiry": mint(jwt.SigningMethodHS256, key, jwt.MapClaims{"exp": nil}),
		"alg none":       mint(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"alg HS512":      mint(jwt.SigningMethodHS512, key, nil),
		"another key":    mint(jwt.SigningMethodHS256, bytes.Repeat([]byte("k"), 64), nil),
		"issuer":         mint(jwt.SigningMethodHS256, key, jwt.MapClaims{"iss": "somebody"}),
		"audience":       mint(jwt.SigningMethodHS256, key, jwt.MapClaims{"aud": "somebody"}),
		"no signature":   parts[0] + "." + parts[1] + ".",
		"rubbish":        "rubbish",
		"nothing":        "",
	} {
		for _, call := range []struct{ method, path string }{
			{http.MethodGet, "/api/auth/me"},
			{http.MethodGet, "/api/videos"},
			{http.MethodPost, "/api/videos/upload"},
			{http.MethodDelete, "/api/videos/00000000-0000-7000-8000-000000000000"},
			{http.MethodPost, "/api/public/videos/00000000-0000-7000-8000-000000000000/vote"},
		} {
			a := s.do(t, call.method, call.path, token, "", nil).want(t, http.StatusUnauthorized, "unauthenticated")
			if a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %s has no WWW-Authenticate", name, call.path)
			}
		}
	}
	s.get(t, "/api/public/videos", "rubbish").want(t, http.StatusOK, "") // the gallery needs no valid token
}

// postFrom posts a JSON body with the client's address as a proxy reports it.
func (s *site) postFrom(t *testing.T, client, path string, body any) apiResponse {
	t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Forwarded-For", client)
	return send(t, request)
}

// attemptsUntilLimited sends attempts until the rate limit refuses one, and returns how many passed. It sends a few at
// once, so that they arrive faster than the limit refills, but not so many that counting them becomes slow, since the
// app lets everything pass in that case.
func attemptsUntilLimited(t *testing.T, most int, attempt func(i int) apiResponse) (passed int) {
	t.Helper()
	const atOnce = 8
	for first := 0; first < most; first += atOnce {
		var responses [atOnce]apiResponse
		var group sync.WaitGroup
		for i := range responses {
			group.Go(func() { responses[i] = attempt(first + i) })
		}
		group.Wait()
		refused := false
		for _, r := range responses {
			if r.Status != http.StatusTooManyRequests {
				passed++
				continue
			}
			r.want(t, http.StatusTooManyRequests, "too_many_requests")
			retryAfter := r.Header.Get("Retry-After")
			if seconds, err := strconv.Atoi(retryAfter); err != nil || seconds < 1 || seconds > 60 {
				t.Fatalf("Retry-After is %q", retryAfter)
			}
			refused = true
		}
		if refused {
			return passed
		}
	}
	t.Fatalf("%d attempts pass", passed)
	return passed
}

func TestSignUpAndSignInAreRateLimited(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	// These attempts only have to be counted, so they are invalid ones, for which no password is hashed.
	invalid := signupBody("x", map[string]any{"password1": "short"})
	guess := func(email string) map[string]string { return map[string]string{"email": email, "password": "guess"} }

	t.Run("per account and address", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, "TRUSTED_PROXIES=127.0.0.1")
		passed := attemptsUntilLimited(t, 200, func(i int) apiResponse {
			email := []string{"ana@example.com", "ANA@Example.com"}[i%2]
			return s.postFrom(t, "198.51.100.1", "/api/auth/login", guess(email))
		})
		if passed < 5 {
			t.Fatalf("only %d attempts pass", passed)
		}
		s.postFrom(t, "198.51.100.1", "/api/auth/login", guess("other@example.com")).
			want(t, http.StatusUnauthorized, "bad_credentials")
		s.postFrom(t, "198.51.100.2", "/api/auth/login", guess("ana@example.com")).
			want(t, http.StatusUnauthorized, "bad_credentials")
	})
	t.Run("per address that a trusted proxy reports", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, "TRUSTED_PROXIES=127.0.0.1")
		attemptsUntilLimited(t, 1000, func(int) apiResponse {
			return s.postFrom(t, "198.51.100.1", "/api/auth/signup", invalid)
		})
		// Forged addresses before the reported one change nothing: if they counted, all of these attempts would pass.
		attemptsUntilLimited(t, 96, func(i int) apiResponse {
			return s.postFrom(t, fmt.Sprintf("203.0.113.%d, 198.51.100.1", i), "/api/auth/signup", invalid)
		})
		s.postFrom(t, "198.51.100.2", "/api/auth/signup", invalid).want(t, http.StatusUnprocessableEntity, "invalid")
	})
	t.Run("per address of the connection when no proxy is trusted", func(t *testing.T) {
		t.Parallel()
		s := startSite(t)
		attemptsUntilLimited(t, 1000, func(i int) apiResponse {
			return s.postFrom(t, fmt.Sprintf("198.51.%d.%d", i/250, i%250), "/api/auth/signup", invalid)
		})
	})
	t.Run("not when switched off", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, "AUTH_RATE_LIMIT=false")
		for range 300 {
			s.postFrom(t, "", "/api/auth/signup", invalid).want(t, http.StatusUnprocessableEntity, "invalid")
		}
	})
}

func TestAClassOfSixtySignsUpAndInAtOnce(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	var group sync.WaitGroup
	for i := range 60 {
		email := fmt.Sprintf("student%d@example.com", i)
		group.Go(func() {
			a := unlessBusy(t, func() apiResponse { return s.post(t, "/api/auth/signup", "", signupBody(email, nil)) })
			if a.Status != http.StatusCreated {
				t.Errorf("student %d cannot sign up: %d %s", i, a.Status, a.Body)
			}
			a = unlessBusy(t, func() apiResponse { return s.login(t, email, password) })
			if a.Status != http.StatusOK {
				t.Errorf("student %d cannot sign in: %d %s", i, a.Status, a.Body)
			}
		})
	}
	group.Wait()
}

// unlessBusy asks again when the answer says so: a busy machine needs more than 5 s to hash the passwords of a class.
func unlessBusy(t *testing.T, ask func() apiResponse) apiResponse {
	t.Helper()
	for range 20 {
		a := ask()
		after, err := strconv.Atoi(a.Header.Get("Retry-After"))
		if a.Status != http.StatusServiceUnavailable || err != nil {
			return a
		}
		time.Sleep(time.Duration(after) * time.Second)
	}
	return ask()
}
