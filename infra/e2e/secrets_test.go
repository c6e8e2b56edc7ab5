package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// The log contains no secrets, whether calls succeed or fail.
func TestTheLogHoldsNoSecrets(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t, "LOG_LEVEL=debug", "LOAD_TEST_ENDPOINTS=true", "TRUSTED_PROXIES=127.0.0.1/32")
	ana := s.newPerson(t, "")
	link := ana.video(t, ana.uploadMock(t, shortClip(t), "Mine")).OriginalURL
	s.get(t, link, "").want(t, http.StatusOK, "")
	parameter, refusal := "signature=", "link_invalid"
	if stage() == aws {
		parameter, refusal = "Signature=", "" // S3 answers without a problem document
	}
	_, signature, found := strings.Cut(link, parameter)
	if !found {
		t.Fatalf("%s is not a signed link", link)
	}
	s.get(t, strings.Replace(link, parameter, parameter+"x", 1), "").want(t, http.StatusForbidden, refusal)
	s.login(t, ana.Email, "a wrong one: swordfish").want(t, http.StatusUnauthorized, "bad_credentials")
	s.post(t, "/api/auth/signup", "", signupBody(ana.Email, nil)).want(t, http.StatusBadRequest, "email_taken")
	s.post(t, "/api/auth/signup", "", signupBody(ana.Email, map[string]any{"password2": "swordfish"})).
		want(t, http.StatusBadRequest, "passwords_differ")
	s.get(t, "/api/auth/me?access_token="+ana.Token, ana.Token+"x").want(t, http.StatusUnauthorized, "unauthenticated")
	s.get(t, "/api/auth/me", ana.Token).want(t, http.StatusOK, "")
	const voter = "203.0.113.77" // as nginx tells it
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		s.URL+"/api/public/videos/"+uuid.NewString()+"/vote", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", voter)
	request.Header.Set("Authorization", "Bearer "+ana.Token)
	send(t, request).want(t, http.StatusNotFound, "not_found")
	if code := s.stop(t); code != 0 {
		t.Fatalf("the app exited with %d", code)
	}

	log := s.log.String()
	if strings.Count(log, `"msg":"request"`) < 8 || !strings.Contains(log, ana.ID) ||
		!strings.Contains(log, "203.0.113.0/24") {
		t.Fatalf("the requests are not in the log:\n%s", log)
	}
	for name, value := range map[string]string{
		"token": ana.Token, "signature of a token": ana.Token[strings.LastIndex(ana.Token, ".")+1:],
		"password": password, "wrong password": "swordfish", "e-mail": ana.Email, "signed link": signature,
		"secret": s.secret(t), "hash": "$argon2id$", "address of a voter": voter,
	} {
		if strings.Contains(strings.ToLower(log), strings.ToLower(value)) {
			t.Errorf("the log contains the %s:\n%s", name, log)
		}
	}
}

// The time that a sign-in takes does not reveal whether an account has the e-mail address.
func TestSignInTakesTheSameTimeForAnUnknownEmail(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "AUTH_RATE_LIMIT=false")
	ana := s.newPerson(t, "")
	const rounds = 25
	var known, unknown []time.Duration
	for i := range rounds { // alternating, so that a busy machine slows both down equally
		began := time.Now()
		s.login(t, ana.Email, "a wrong password").want(t, http.StatusUnauthorized, "bad_credentials")
		known = append(known, time.Since(began))
		began = time.Now()
		s.login(t, fmt.Sprintf("nobody%d@example.com", i), "a wrong password").
			want(t, http.StatusUnauthorized, "bad_credentials")
		unknown = append(unknown, time.Since(began))
	}
	slices.Sort(known)
	slices.Sort(unknown)
	ratio := float64(known[rounds/2]) / float64(unknown[rounds/2])
	if ratio < 0.5 || ratio > 2 { // it would be above ten if only a known e-mail cost a hash
		t.Fatalf("a known e-mail takes %s, an unknown one %s", known[rounds/2], unknown[rounds/2])
	}
}
