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

// signup is a good body for POST /api/auth/signup, with fields replaced; nil removes one.
func signup(email string, change map[string]any) map[string]any {
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

func (s *site) login(t *testing.T, email, password string) answer {
	t.Helper()
	return s.post(t, "/api/auth/login", "", map[string]string{"email": email, "password": password})
}

func TestSignInByJSONAndByForm(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	const email = "Ana.Ruiz@Example.com"
	var account map[string]any
	s.post(t, "/api/auth/signup", "", signup(email, nil)).want(t, http.StatusCreated, "").into(t, &account)
	if account["email"] != email || account["city"] != "Bogotá" || account["id"] == "" || len(account) != 7 {
		t.Fatalf("the account is %v", account)
	}
	form := url.Values{"username": {strings.ToLower(email)}, "password": {password}, "grant_type": {"password"}}.Encode()
	for name, a := range map[string]answer{
		"json":       s.login(t, strings.ToUpper(email), password),
		"json alias": s.post(t, "/api/auth/login", "", map[string]string{"username": email, "password": password}),
		"form":       s.do(t, http.MethodPost, "/api/auth/login", "", "application/x-www-form-urlencoded; charset=utf-8", strings.NewReader(form)),
	} {
		var session struct {
			Token   string `json:"access_token"`
			Type    string `json:"token_type"`
			Expires int    `json:"expires_in"`
		}
		a.want(t, http.StatusOK, "").into(t, &session)
		if session.Type != "Bearer" || session.Expires != 3600 {
			t.Fatalf("%s: the session is %s", name, a.Body)
		}
		var me map[string]any
		s.get(t, "/api/auth/me", session.Token).want(t, http.StatusOK, "").into(t, &me)
		if me["id"] != account["id"] || me["email"] != email {
			t.Fatalf("%s: me is %v", name, me)
		}
	}

	unknown, wrong := s.login(t, "nobody@example.com", password), s.login(t, email, password+"x")
	unknown.want(t, http.StatusUnauthorized, "bad_credentials")
	wrong.want(t, http.StatusUnauthorized, "bad_credentials")
	var a, b problem
	unknown.into(t, &a)
	wrong.into(t, &b)
	if a.Detail != b.Detail || a.Title != b.Title {
		t.Fatalf("an unknown e-mail is told from a wrong password: %s and %s", unknown.Body, wrong.Body)
	}
}

// Many who sign up with one address at once, in every spelling, get one account.
func TestOneAccountPerAddress(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	const email, many = "ana.maria@example.com", 20
	answers := make([]answer, many)
	var group sync.WaitGroup
	for i := range answers {
		spelling := []byte(email)
		for j := range spelling {
			if i>>(j%5)&1 == 1 {
				spelling[j] = bytes.ToUpper(spelling[j : j+1])[0]
			}
		}
		group.Go(func() { answers[i] = s.post(t, "/api/auth/signup", "", signup(string(spelling), nil)) })
	}
	group.Wait()
	made := 0
	for _, a := range answers {
		if a.Status == http.StatusCreated {
			made++
			continue
		}
		a.want(t, http.StatusBadRequest, "email_taken")
	}
	if made != 1 {
		t.Fatalf("%d accounts were made", made)
	}
}

func TestForgedAndExpiredTokensAreRefused(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	ana := s.join(t, "")
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
	s.get(t, "/api/auth/me", mint(jwt.SigningMethodHS256, key, nil)).want(t, http.StatusOK, "") // so the others fail for their one fault
	parts := strings.Split(ana.Token, ".")
	for name, token := range map[string]string{
		"expired":        mint(jwt.SigningMethodHS256, key, jwt.MapClaims{"exp": time.Now().Add(-time.Second).Unix()}),
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
				t.Errorf("%s: %s says no WWW-Authenticate", name, call.path)
			}
		}
	}
	s.get(t, "/api/public/videos", "rubbish").want(t, http.StatusOK, "") // an old token keeps nobody from watching
}

// from sends a JSON body as the client that a proxy reports.
func (s *site) from(t *testing.T, client, path string, body any) answer {
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

// until sends attempts, some at once so that they come faster than a limit lets go of earlier ones, until one is refused as one
// too many, and gives how many passed. They are not so many at once that counting takes too long, as nobody is refused then.
func until(t *testing.T, most int, attempt func(i int) answer) (passed int) {
	t.Helper()
	const atOnce = 8
	for first := 0; first < most; first += atOnce {
		var answers [atOnce]answer
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() { answers[i] = attempt(first + i) })
		}
		group.Wait()
		refused := false
		for _, a := range answers {
			if a.Status != http.StatusTooManyRequests {
				passed++
				continue
			}
			a.want(t, http.StatusTooManyRequests, "too_many_requests")
			if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
				t.Fatalf("Retry-After is %q", a.Header.Get("Retry-After"))
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

func TestSigningUpAndInIsLimited(t *testing.T) {
	t.Parallel()
	// Nothing but a limit is wanted of these attempts, so they are bad ones, which cost no hash.
	bad := signup("x", map[string]any{"password1": "short"})
	guess := func(email string) map[string]string { return map[string]string{"email": email, "password": "guess"} }

	t.Run("per account, from anywhere", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, "TRUSTED_PROXIES=127.0.0.1")
		passed := until(t, 200, func(i int) answer {
			return s.from(t, fmt.Sprintf("198.51.100.%d", i), "/api/auth/login", guess("ANA@example.com"))
		})
		if passed < 10 {
			t.Fatalf("only %d attempts pass", passed)
		}
		s.from(t, "198.51.100.200", "/api/auth/login", guess("other@example.com")).want(t, http.StatusUnauthorized, "bad_credentials")
	})
	t.Run("per address, as a trusted proxy says it", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, "TRUSTED_PROXIES=127.0.0.1")
		until(t, 1000, func(int) answer { return s.from(t, "198.51.100.1", "/api/auth/signup", bad) })
		// Whatever is forged before the address, it is the same; others would pass, these and more.
		until(t, 96, func(i int) answer {
			return s.from(t, fmt.Sprintf("203.0.113.%d, 198.51.100.1", i), "/api/auth/signup", bad)
		})
		s.from(t, "198.51.100.2", "/api/auth/signup", bad).want(t, http.StatusUnprocessableEntity, "invalid")
	})
	t.Run("per address, whatever a stranger says", func(t *testing.T) {
		t.Parallel()
		s := startSite(t)
		until(t, 1000, func(i int) answer {
			return s.from(t, fmt.Sprintf("198.51.%d.%d", i/250, i%250), "/api/auth/signup", bad)
		})
	})
	t.Run("not when switched off", func(t *testing.T) {
		t.Parallel()
		s := startSite(t, "AUTH_RATE_LIMIT=false")
		for range 300 {
			s.from(t, "", "/api/auth/signup", bad).want(t, http.StatusUnprocessableEntity, "invalid")
		}
	})
}

func TestAClassOfSixtySignsUpAndInAtOnce(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	var group sync.WaitGroup
	for i := range 60 {
		email := fmt.Sprintf("student%d@example.com", i)
		group.Go(func() {
			if a := s.post(t, "/api/auth/signup", "", signup(email, nil)); a.Status != http.StatusCreated {
				t.Errorf("student %d signs up: %d %s", i, a.Status, a.Body)
			}
			if a := s.login(t, email, password); a.Status != http.StatusOK {
				t.Errorf("student %d signs in: %d %s", i, a.Status, a.Body)
			}
		})
	}
	group.Wait()
}
