package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"risingstars/platform/mail/mailtest"
)

// patchMe changes the account, and returns what it is then.
func (p *person) patchMe(t *testing.T, change map[string]string) apiResponse {
	t.Helper()
	content, err := json.Marshal(change)
	if err != nil {
		t.Fatal(err)
	}
	return p.do(t, http.MethodPatch, "/api/auth/me", p.Token, "application/json", bytes.NewReader(content))
}

// codeAt is what an authenticator shows whose clock is ahead by d.
func codeAt(t *testing.T, secret string, d time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(d))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// setFactor sets up a second factor.
func (p *person) setFactor(t *testing.T, password string) (secret string, recovery []string) {
	t.Helper()
	var offer struct {
		Secret string
		URL    string `json:"otpauth_url"`
	}
	setup := "/api/auth/totp/setup"
	p.post(t, setup, p.Token, map[string]string{"password": "wrong"}).want(t, http.StatusBadRequest, "wrong_password")
	p.post(t, setup, p.Token, map[string]string{"password": password}).want(t, http.StatusOK, "").decode(t, &offer)
	if !strings.HasPrefix(offer.URL, "otpauth://totp/") || !strings.Contains(offer.URL, offer.Secret) {
		t.Errorf("the QR code has %s", offer.URL)
	}
	var codes struct {
		Recovery []string `json:"recovery_codes"`
	}
	p.post(t, "/api/auth/totp/confirm", p.Token, map[string]string{"totp": codeAt(t, offer.Secret, time.Hour)}).
		want(t, http.StatusBadRequest, "wrong_totp")
	p.post(t, "/api/auth/totp/confirm", p.Token, map[string]string{"totp": codeAt(t, offer.Secret, 0)}).
		want(t, http.StatusOK, "").decode(t, &codes)
	if len(codes.Recovery) < 2 {
		t.Fatalf("the recovery codes are %q", codes.Recovery)
	}
	return offer.Secret, codes.Recovery
}

// The owner of an account changes everything about it: the profile, the password, the second factor and the e-mail,
// which the letter to the old one undoes.
func TestAnAccountIsChangedByItsOwner(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t, mailtest.Options{})
	s := startSite(t, mailSettings(server, "ADMIN_REQUIRE_TOTP=true")...)
	ana := s.newPerson(t, "")
	ana.confirm(t, server, 1).want(t, http.StatusOK, "")

	type account struct {
		Email, City, Country, Language string
		FirstName                      string `json:"first_name"`
		Code                           string `json:"country_code"`
	}
	me := func() (a account) {
		s.get(t, "/api/auth/me", ana.Token).want(t, http.StatusOK, "").decode(t, &a)
		return a
	}
	was := me()
	ana.patchMe(t, map[string]string{"first_name": "Zoé", "city": " "}).
		want(t, http.StatusUnprocessableEntity, "invalid")
	if now := me(); now != was {
		t.Errorf("what is refused changes %+v to %+v", was, now)
	}
	ana.patchMe(t, map[string]string{"first_name": "Zoé", "country": "spain", "language": "en"}).
		want(t, http.StatusOK, "")
	want := account{ana.Email, "Bogotá", "España", "en", "Zoé", "ES"}
	if now := me(); now != want {
		t.Errorf("the account is %+v, want %+v", now, want)
	}

	const fresh, newest = "another horse entirely", "the last of all horses"
	laptop := ana.signIn(t)
	change := func(present, first, second string) apiResponse {
		return s.post(t, "/api/auth/password/change", ana.Token,
			map[string]string{"password": present, "password1": first, "password2": second})
	}
	change(fresh, fresh, fresh).want(t, http.StatusBadRequest, "wrong_password")
	change(password, fresh, fresh+"!").want(t, http.StatusBadRequest, "passwords_differ")
	change(password, fresh, fresh).want(t, http.StatusOK, "")
	s.login(t, ana.Email, password).want(t, http.StatusUnauthorized, "bad_credentials")
	s.refresh(t, s.URL, laptop.Refresh).want(t, http.StatusUnauthorized, "bad_refresh_token")
	me() // this session goes on
	server.Await(t, ana.Email, 2)

	role := func(args ...string) string {
		t.Helper()
		out, errs, code := s.runApp(t, args...)
		if code != 0 {
			t.Fatalf("app %s: %d\n%s%s", strings.Join(args, " "), code, out, errs)
		}
		return out
	}
	role("role", "grant", ana.Email, "admin")
	role("role", "grant", ana.Email, "juror")
	if out := role("role", "revoke", ana.Email, "juror"); !strings.Contains(out, "admin") ||
		strings.Contains(out, "juror") {
		t.Errorf("after the role is revoked:\n%s", out)
	}
	const log = "/api/admin/log?act=roles"
	s.get(t, log, ana.Token).want(t, http.StatusForbidden, "totp_setup_required")
	secret, recovery := ana.setFactor(t, fresh)
	var acts []struct{ Before, After, Reason string }
	s.get(t, log, ana.Token).want(t, http.StatusOK, "").decode(t, &acts)
	if len(acts) != 3 || acts[0].Before != "admin, juror" || acts[0].Reason != "by app role revoke" ||
		acts[2].After != "admin" || acts[2].Reason != "by app role grant" {
		t.Errorf("the log has %+v", acts)
	}
	var found []struct {
		Code  string `json:"country_code"`
		Roles []string
	}
	s.get(t, "/api/admin/users?q="+ana.ID, ana.Token).want(t, http.StatusOK, "").decode(t, &found)
	if len(found) != 1 || found[0].Code != "ES" || len(found[0].Roles) != 1 {
		t.Errorf("the admin reads %+v", found)
	}
	s.login(t, ana.Email, fresh).want(t, http.StatusUnauthorized, "totp_required")
	enter := func(code string) apiResponse {
		return s.post(t, "/api/auth/login", "", map[string]string{"email": ana.Email, "password": fresh, "totp": code})
	}
	enter(codeAt(t, secret, time.Hour)).want(t, http.StatusUnauthorized, "bad_totp")
	next := codeAt(t, secret, 30*time.Second)
	enter(next).want(t, http.StatusOK, "")
	enter(next).want(t, http.StatusUnauthorized, "bad_totp")
	enter(recovery[0]).want(t, http.StatusOK, "")
	disable := func(code string) apiResponse {
		return s.post(t, "/api/auth/totp/disable", ana.Token, map[string]string{"password": fresh, "totp": code})
	}
	disable(recovery[0]).want(t, http.StatusBadRequest, "wrong_totp")
	disable(recovery[1]).want(t, http.StatusNoContent, "")
	s.login(t, ana.Email, fresh).want(t, http.StatusOK, "")
	s.get(t, log, ana.Token).want(t, http.StatusForbidden, "totp_setup_required")
	ana.setFactor(t, fresh)
	if out := role("totp", "remove", ana.Email, "--reason", "The phone is lost."); out != "removed\n" {
		t.Errorf("app totp remove says %q", out)
	}
	s.login(t, ana.Email, fresh).want(t, http.StatusOK, "")

	another := "zoe." + ana.Email
	move := func(email, password string) apiResponse {
		return s.post(t, "/api/auth/email/change", ana.Token, map[string]string{"email": email, "password": password})
	}
	move(another, "wrong").want(t, http.StatusBadRequest, "wrong_password")
	move(another, fresh).want(t, http.StatusAccepted, "")
	if now := me(); now != want {
		t.Errorf("before the proof, the account is %+v", now)
	}
	confirm := func(email string, nth int) (done struct{ Result string }) {
		t.Helper()
		token := server.Await(t, email, nth).Token()
		s.post(t, "/api/auth/email/confirm", "", map[string]string{"token": token}).want(t, http.StatusOK, "").
			decode(t, &done)
		return done
	}
	if done := confirm(another, 1); done.Result != "change" || me().Email != another {
		t.Errorf("the link does %+v, and the account has %s", done, me().Email)
	}
	s.login(t, another, fresh).want(t, http.StatusOK, "")
	if done := confirm(ana.Email, 3); done.Result != "restore" {
		t.Errorf("the link to the old e-mail does %+v", done)
	}
	s.wantEnded(t, s.URL, ana.Token)
	s.login(t, ana.Email, fresh).want(t, http.StatusUnauthorized, "bad_credentials")
	s.post(t, "/api/auth/password/forgot", "", map[string]string{"email": ana.Email}).want(t, http.StatusAccepted, "")
	s.post(t, "/api/auth/password/reset", "", map[string]string{
		"token": server.Await(t, ana.Email, 4).Token(), "password1": newest, "password2": newest,
	}).want(t, http.StatusOK, "")
	var back session
	s.login(t, ana.Email, newest).want(t, http.StatusOK, "").decode(t, &back)
	if ana.Token = back.Token; me() != want {
		t.Errorf("the account came back as %+v", me())
	}
}
