package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/mail/mailtest"
)

// mailSettings make a site send its letters through the server.
func mailSettings(server *mailtest.Server, more ...string) []string {
	return append([]string{
		"SMTP_URL=smtp://" + server.Addr, "MAIL_FROM=Rising Stars <no-reply@show.example>",
		"PUBLIC_URL=https://show.example",
	}, more...)
}

// confirm uses the link of the nth letter to a person.
func (p *person) confirm(t *testing.T, server *mailtest.Server, nth int) apiResponse {
	t.Helper()
	token := server.Await(t, p.Email, nth).Token()
	return p.post(t, "/api/auth/email/confirm", "", map[string]string{"token": token})
}

// Who has not proved an e-mail may neither vote nor upload where that is required, and is told what to do. The letter
// comes although the server refuses it at first, and hangs up once.
func TestAProvedEmailOpensVotesAndUploads(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t, mailtest.Options{})
	server.Answer(func(step, _ string, nth int) error {
		switch {
		case step == "mail" && nth == 1:
			return mailtest.Code(451)
		case step == "data" && nth == 2:
			return mailtest.ErrDrop
		}
		return nil
	})
	s := startSite(t, mailSettings(server, "VOTING_REQUIRE_VERIFIED=true", "UPLOAD_REQUIRE_VERIFIED=true")...)
	ana := s.newPerson(t, "")
	vote := "/api/public/videos/" + uuid.Must(uuid.NewV7()).String() + "/vote"
	upload := map[string]any{"filename": "clip.mp4", "content_type": "video/mp4", "size": 1 << 20, "title": "Tango"}
	ana.post(t, vote, ana.Token, nil).want(t, http.StatusForbidden, "email_unverified")
	ana.post(t, "/api/videos/uploads", ana.Token, upload).want(t, http.StatusForbidden, "email_unverified")
	ana.postUploadForm(t, part{Name: "title", Value: "Tango"}).want(t, http.StatusForbidden, "email_unverified")

	letter := server.Await(t, ana.Email, 1)
	if !strings.HasPrefix(letter.Link(), "https://show.example/confirm?token=") || server.Seen() < 3 {
		t.Errorf("after %d attempts, the link is %s", server.Seen(), letter.Link())
	}
	cut := letter.Token()[:20]
	ana.post(t, "/api/auth/email/confirm", "", map[string]string{"token": cut}).
		want(t, http.StatusBadRequest, "token_invalid")
	ben := s.newPerson(t, "")
	ana.post(t, "/api/auth/email/confirm", ben.Token, map[string]string{"token": letter.Token()}).
		want(t, http.StatusForbidden, "token_of_another_account")
	ana.confirm(t, server, 1).want(t, http.StatusOK, "")
	ana.confirm(t, server, 1).want(t, http.StatusBadRequest, "token_used")
	ana.post(t, vote, ana.Token, nil).want(t, http.StatusNotFound, "not_found")
	ana.post(t, "/api/videos/uploads", ana.Token, upload).want(t, http.StatusCreated, "")
	ben.post(t, vote, ben.Token, nil).want(t, http.StatusForbidden, "email_unverified")
	ben.post(t, "/api/auth/email/resend", ben.Token, nil).want(t, http.StatusAccepted, "")
	ben.confirm(t, server, 2).want(t, http.StatusOK, "")
	ben.confirm(t, server, 1).want(t, http.StatusOK, "")

	s.post(t, "/api/auth/password/forgot", "", map[string]string{"email": strings.ToUpper(ana.Email)}).
		want(t, http.StatusAccepted, "")
	s.post(t, "/api/auth/password/forgot", "", map[string]string{"email": "nobody@example.com"}).
		want(t, http.StatusAccepted, "")
	reset := server.Await(t, ana.Email, 2).Token()
	const fresh = "another horse entirely"
	body := map[string]string{"token": reset, "password1": fresh, "password2": fresh}
	s.post(t, "/api/auth/password/reset", "", body).want(t, http.StatusOK, "")
	s.post(t, "/api/auth/password/reset", "", body).want(t, http.StatusBadRequest, "token_used")
	s.login(t, ana.Email, password).want(t, http.StatusUnauthorized, "bad_credentials")
	s.login(t, ana.Email, fresh).want(t, http.StatusOK, "")
	server.Await(t, ana.Email, 3)
	if n := len(server.To("nobody@example.com")); n != 0 {
		t.Errorf("a stranger got %d letters", n)
	}
	if log := s.log.String(); strings.Contains(log, reset) || strings.Contains(log, ana.Email) {
		t.Error("the log has a token or an e-mail")
	}
}

// A kill between the act and its letter leaves one letter or, seldom, two, and never none.
func TestAKillLosesNoLetter(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t, mailtest.Options{})
	s := newSite(t)
	settings := mailSettings(server)
	var people []string
	for i := range 3 {
		s.start(t, settings...)
		email := fmt.Sprintf("killed%d@example.com", i)
		s.post(t, "/api/auth/signup", "", signupBody(email, nil)).want(t, http.StatusCreated, "")
		s.kill(t)
		people = append(people, email)
	}
	s.start(t, settings...)
	for _, email := range people {
		server.Await(t, email, 1)
	}
	eventually(t, "no letter waits", func() bool {
		return s.queryInt(t, `SELECT COUNT(*) AS n FROM mail_letters WHERE state = 'waiting'`) == 0
	})
	for _, email := range people {
		if n := len(server.To(email)); n > 2 {
			t.Errorf("%s got %d letters", email, n)
		}
	}
}

// A mailbox that does not exist is not tried again, and the site goes on.
func TestALetterThatBouncesIsGivenUp(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	server := mailtest.Start(t, mailtest.Options{})
	server.Answer(func(step, to string, _ int) error {
		if step == "rcpt" && strings.HasPrefix(to, "gone") {
			return mailtest.Code(550)
		}
		return nil
	})
	s := startSite(t, mailSettings(server)...)
	s.post(t, "/api/auth/signup", "", signupBody("gone@example.com", nil)).want(t, http.StatusCreated, "")
	s.post(t, "/api/auth/signup", "", signupBody("here@example.com", nil)).want(t, http.StatusCreated, "")
	server.Await(t, "here@example.com", 1)
	eventually(t, "the letter is given up", func() bool {
		return s.queryInt(t, `SELECT COUNT(*) AS n FROM mail_letters WHERE state = 'failed'`) == 1
	})
	if n := server.Seen(); n != 2 {
		t.Errorf("two letters took %d attempts", n)
	}
}

// Without a server, letters are files that only the app's user reads.
func TestWithoutASMTPServerLettersAreFiles(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	s.newPerson(t, "")
	var files []string
	eventually(t, "there is a letter", func() bool {
		files, _ = filepath.Glob(filepath.Join(s.DataDir, "mail", "*.eml"))
		return len(files) == 1
	})
	about, err := os.Stat(files[0])
	if err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", about.Mode(), err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	letter, err := mailtest.Read(raw)
	if err != nil || letter.Token() == "" {
		t.Fatalf("the letter is %+v, %v", letter, err)
	}
	eventually(t, "the log says where", func() bool { return strings.Contains(s.log.String(), files[0]) })
	if strings.Contains(s.log.String(), letter.Token()) {
		t.Error("the log has the token")
	}
	s.post(t, "/api/auth/email/confirm", "", map[string]string{"token": letter.Token()}).want(t, http.StatusOK, "")
}

// The answer to who has forgotten a password takes as long for an e-mail without an account.
func TestForgettingTakesAsLongForStrangers(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "RATE_LIMITS=false")
	ana := s.newPerson(t, "")
	median := func(email string) time.Duration {
		var times []time.Duration
		for range 41 {
			began := time.Now()
			s.post(t, "/api/auth/password/forgot", "", map[string]string{"email": email}).
				want(t, http.StatusAccepted, "")
			times = append(times, time.Since(began))
		}
		slices.Sort(times)
		return times[len(times)/2]
	}
	known, unknown := median(ana.Email), median("nobody@example.com")
	t.Logf("known %v, unknown %v", known, unknown)
	if known > 3*unknown+20*time.Millisecond || unknown > 3*known+20*time.Millisecond {
		t.Errorf("a known e-mail takes %v, an unknown one %v", known, unknown)
	}
}
