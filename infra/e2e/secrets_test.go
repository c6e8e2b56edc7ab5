package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is secret stays out of the log, in good calls and in bad ones.
func TestTheLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	s := startSite(t, "LOG_LEVEL=debug", "LOAD_TEST_ENDPOINTS=true")
	ana := s.join(t, "")
	contentType, body := multipartBody(t, part{"file", clipBytes(t), "clip.mp4"}, part{Name: "title", Value: "Mine"})
	var stored video
	ana.do(t, http.MethodPost, "/api/videos/upload-mock", ana.Token, contentType, body).want(t, http.StatusAccepted, "").into(t, &stored)
	link := ana.video(t, stored.VideoID).OriginalURL
	s.get(t, link, "").want(t, http.StatusOK, "")
	mark, refusal := "signature=", "link_invalid"
	if stage() == aws {
		mark, refusal = "Signature=", "" // S3 has words of its own
	}
	_, signature, found := strings.Cut(link, mark)
	if !found {
		t.Fatalf("%s is not a signed link", link)
	}
	s.get(t, strings.Replace(link, mark, mark+"x", 1), "").want(t, http.StatusForbidden, refusal)
	s.login(t, ana.Email, "a wrong one: swordfish").want(t, http.StatusUnauthorized, "bad_credentials")
	s.post(t, "/api/auth/signup", "", signup(ana.Email, nil)).want(t, http.StatusBadRequest, "email_taken")
	s.post(t, "/api/auth/signup", "", signup(ana.Email, map[string]any{"password2": "swordfish"})).want(t, http.StatusBadRequest, "passwords_differ")
	s.get(t, "/api/auth/me?access_token="+ana.Token, ana.Token+"x").want(t, http.StatusUnauthorized, "unauthenticated")
	s.get(t, "/api/auth/me", ana.Token).want(t, http.StatusOK, "")
	if code := s.stop(t); code != 0 {
		t.Fatalf("the app exited with %d", code)
	}

	log := s.log.String()
	if strings.Count(log, `"msg":"request"`) < 8 || !strings.Contains(log, ana.ID) {
		t.Fatalf("the requests are not in the log:\n%s", log)
	}
	for name, value := range map[string]string{
		"token": ana.Token, "signature of a token": ana.Token[strings.LastIndex(ana.Token, ".")+1:], "password": password,
		"wrong password": "swordfish", "e-mail": ana.Email, "signed link": signature, "secret": s.secret(t), "hash": "$argon2id$",
	} {
		if strings.Contains(strings.ToLower(log), strings.ToLower(value)) {
			t.Errorf("the log holds the %s:\n%s", name, log)
		}
	}
}

// Nobody learns from the time of an answer whether an e-mail has an account.
func TestSigningInTakesTheSameTimeForAnUnknownEMail(t *testing.T) {
	only(t, embedded)
	t.Parallel()
	s := startSite(t, "AUTH_RATE_LIMIT=false")
	ana := s.join(t, "")
	const rounds = 25
	var known, unknown []time.Duration
	for i := range rounds { // by turns, so that a busy machine slows both alike
		began := time.Now()
		s.login(t, ana.Email, "a wrong password").want(t, http.StatusUnauthorized, "bad_credentials")
		known = append(known, time.Since(began))
		began = time.Now()
		s.login(t, fmt.Sprintf("nobody%d@example.com", i), "a wrong password").want(t, http.StatusUnauthorized, "bad_credentials")
		unknown = append(unknown, time.Since(began))
	}
	slices.Sort(known)
	slices.Sort(unknown)
	ratio := float64(known[rounds/2]) / float64(unknown[rounds/2])
	if ratio < 0.5 || ratio > 2 { // without the decoy it is above ten
		t.Fatalf("a known e-mail takes %s, an unknown one %s", known[rounds/2], unknown[rounds/2])
	}
}
