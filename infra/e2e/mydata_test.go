package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"risingstars/platform/mail/mailtest"
)

// export is the state of a copy of somebody's data.
type export struct {
	State       string
	Bytes       int64
	DownloadURL string `json:"download_url"`
}

func (p *person) export(t *testing.T) (e export) {
	t.Helper()
	p.get(t, "/api/auth/me/export", p.Token).want(t, http.StatusOK, "").decode(t, &e)
	return e
}

// leave deletes the account.
func (p *person) leave(t *testing.T, token, password string) apiResponse {
	t.Helper()
	body, err := json.Marshal(map[string]string{"password": password})
	if err != nil {
		t.Fatal(err)
	}
	return p.do(t, http.MethodDelete, "/api/auth/me", token, "application/json", bytes.NewReader(body))
}

// unzip returns the files of a zip file by name.
func unzip(t *testing.T, content []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// Whoever has an account gets all that is kept about them, deletes it, brings it back, and deletes it for good; every
// process that is killed on the way is gone on with.
func TestAnAccountIsCopiedDeletedBroughtBackAndErased(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t, mailtest.Options{})
	s := newSite(t).withSmall()
	settings := mailSettings(server)
	s.start(t, settings...)
	ana, luz := s.newPerson(t, "Cali"), s.newPerson(t, "Cali")
	ana.confirm(t, server, 1).want(t, http.StatusOK, "")
	own, other := ana.upload(t, shortClip(t), "Tango"), luz.upload(t, shortClip(t), "Salsa")
	for _, v := range []video{ana.waitForFinal(t, own), luz.waitForFinal(t, other)} {
		if v.Status != "processed" {
			t.Fatalf("the video is %+v", v)
		}
	}
	for _, p := range []*person{ana, luz} {
		for _, id := range []string{own, other} {
			p.post(t, "/api/public/videos/"+id+"/vote", p.Token, nil).want(t, http.StatusOK, "")
		}
	}
	luz.post(t, "/api/public/videos/"+own+"/report", ana.Token, map[string]string{"reason": "spam"}).
		want(t, http.StatusCreated, "")

	// Her copy has everything, once. Nobody else gets at it.
	if e := ana.export(t); e.State != "none" {
		t.Errorf("before, the copy is %+v", e)
	}
	ana.post(t, "/api/auth/me/export", "", nil).want(t, http.StatusUnauthorized, "unauthenticated")
	for range 2 {
		ana.post(t, "/api/auth/me/export", ana.Token, nil).want(t, http.StatusAccepted, "")
	}
	s.kill(t)
	s.start(t, settings...)
	var copied export
	eventually(t, "the copy is ready", func() bool {
		copied = ana.export(t)
		return copied.State == "ready"
	})
	copied.DownloadURL = strings.TrimPrefix(copied.DownloadURL, "https://show.example")
	files := unzip(t, s.get(t, copied.DownloadURL, "").want(t, http.StatusOK, "").Body)
	for name, part := range map[string]string{
		"account.json": ana.Email, "sessions.json": `"browser": false`, "votes.json": other, "reports.json": own,
		"videos.json": "Tango", "acts.json": "[]",
	} {
		if !strings.Contains(string(files[name]), part) {
			t.Errorf("%s lacks %q: %s", name, part, files[name])
		}
	}
	for _, name := range []string{
		"original.mp4", "published.mp4", "published-small.mp4", "poster.jpg", "poster-640.jpg", "poster-320.jpg",
	} {
		if len(files["videos/"+own+"/"+name]) == 0 {
			t.Errorf("the copy has no %s", name)
		}
	}
	for name, content := range files {
		if strings.Contains(name, other) || bytes.Contains(content, []byte(luz.Email)) {
			t.Errorf("%s is somebody else's", name)
		}
	}
	if link := server.Await(t, ana.Email, 2).Link(); !strings.HasSuffix(link, "/me/data") {
		t.Errorf("the letter leads to %s", link)
	}
	unsigned, _, _ := strings.Cut(copied.DownloadURL, "?")
	if got := s.get(t, unsigned, "").Status; got != http.StatusForbidden {
		t.Errorf("without its signature, the link answers %d", got)
	}
	if e := luz.export(t); e.State != "none" {
		t.Errorf("somebody else's copy is %+v", e)
	}

	// She goes, while a worker is at a video of hers, and everything is killed.
	late := ana.upload(t, shortClip(t), "Vals")
	ana.leave(t, ana.Token, "wrong").want(t, http.StatusBadRequest, "wrong_password")
	ana.leave(t, "", password).want(t, http.StatusUnauthorized, "unauthenticated")
	ana.leave(t, ana.Token, password).want(t, http.StatusOK, "")
	s.kill(t)
	s.start(t, settings...)
	ana.leave(t, ana.Token, password).want(t, http.StatusUnauthorized, "unauthenticated")
	s.login(t, ana.Email, password).want(t, http.StatusUnauthorized, "bad_credentials")
	public := "/api/public/videos/" + own
	eventually(t, "the video is gone", func() bool { return s.get(t, public, "").Status == http.StatusGone })
	votes := func(p *person, id string) int { return p.video(t, id).Votes }
	eventually(t, "her vote is taken back", func() bool { return votes(luz, other) == 1 })
	if found := s.rankedIn(t, "Cali"); len(found) != 1 {
		t.Errorf("ranked are %q", found)
	}

	token := server.Await(t, ana.Email, 3).Token()
	s.post(t, "/api/auth/undelete", luz.Token, map[string]string{"token": token}).
		want(t, http.StatusForbidden, "token_of_another_account")
	s.post(t, "/api/auth/undelete", "", map[string]string{"token": token[:20]}).
		want(t, http.StatusBadRequest, "token_invalid")
	s.post(t, "/api/auth/undelete", "", map[string]string{"token": token}).want(t, http.StatusOK, "")
	s.kill(t)
	s.start(t, settings...)
	s.post(t, "/api/auth/undelete", "", map[string]string{"token": token}).
		want(t, http.StatusBadRequest, "token_used")
	ana.Token = ana.signIn(t).Token
	eventually(t, "the video is back", func() bool { return s.get(t, public, "").Status == http.StatusOK })
	eventually(t, "all votes are back", func() bool { return votes(ana, own) == 2 && votes(luz, other) == 2 })
	if v := ana.waitForFinal(t, late); v.Status != "processed" {
		t.Errorf("the video of meanwhile is %+v", v)
	}

	// And for good: nothing of her is left but ids in the log, and what storage knows of the deletion.
	ana.leave(t, ana.Token, password).want(t, http.StatusOK, "")
	ofHers := func() int {
		return s.queryInt(t, `SELECT (SELECT COUNT(*) FROM mail_letters WHERE user_id = ?)
			+ (SELECT COUNT(*) FROM moderation_hidings WHERE video_id = ?) AS n`, ana.ID, own)
	}
	s.execSQL(t, `
		INSERT INTO moderation_hidings (video_id, reason, words, hidden_at) VALUES (?, 'spam', 'Hers.', 1)`, own)
	if n := ofHers(); n < 5 {
		t.Errorf("of letters and of what was hidden, there are %d rows", n)
	}
	s.execSQL(t, `UPDATE identity_departures SET erase_at = 1, due_at = 1, left_at = left_at - 60000000`)
	eventually(t, "the account is erased", func() bool {
		return s.queryInt(t, `SELECT COUNT(*) AS n FROM identity_users WHERE id = ?`, ana.ID) == 0
	})
	eventually(t, "her files are gone", func() bool {
		return !slices.ContainsFunc(s.storedFiles(t), func(key string) bool {
			return strings.Contains(key, own) || strings.Contains(key, late) || strings.HasPrefix(key, "exports/")
		})
	})
	if n := ofHers(); n > 0 {
		t.Errorf("of letters and of what was hidden, %d rows are left", n)
	}
	s.post(t, "/api/auth/undelete", "", map[string]string{"token": server.Await(t, ana.Email, 4).Token()}).
		want(t, http.StatusBadRequest, "token_expired")
	s.get(t, public, "").want(t, http.StatusNotFound, "not_found")
	if n := votes(luz, other); n != 1 {
		t.Errorf("%d votes are left", n)
	}
	s.post(t, "/api/auth/signup", "", signupBody(ana.Email, nil)).want(t, http.StatusCreated, "")
	s.wantNothingFound(t)
}

// A database that comes back from before a deletion has its account deleted again, when it is restored or later.
func TestABackupDoesNotBringADeletedAccountBack(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	ana, luz := s.newPerson(t, ""), s.newPerson(t, "")
	place := t.TempDir()
	if out, errs, code := s.runApp(t, "backup", place); code != 0 {
		t.Fatalf("app backup: %d\n%s%s", code, out, errs)
	}
	ana.leave(t, ana.Token, password).want(t, http.StatusOK, "")
	s.stop(t)
	found, err := filepath.Glob(filepath.Join(s.DataDir, "showcase.db*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("the database is %q, %v", found, err)
	}
	for _, file := range found {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := s.runApp(t, "restore", place)
	if code != 0 || !strings.Contains(out, "1 accounts that their owners have deleted") {
		t.Fatalf("app restore: %d\n%s%s", code, out, errs)
	}
	s.start(t)
	s.login(t, ana.Email, password).want(t, http.StatusUnauthorized, "bad_credentials")
	s.login(t, luz.Email, password).want(t, http.StatusOK, "")
	for _, act := range []struct {
		args []string
		says string
	}{
		{[]string{"account", "restore", ana.ID, "--reason", "She changed her mind."}, "back"},
		{[]string{"account", "delete", ana.Email, "--reason", "She did not.", "--now"}, "deleted"},
	} {
		if out, errs, code := s.runApp(t, act.args...); code != 0 || !strings.Contains(out, act.says) {
			t.Errorf("app %q: %d\n%s%s", act.args, code, out, errs)
		}
	}
	eventually(t, "the account is erased", func() bool {
		return s.queryInt(t, `SELECT COUNT(*) AS n FROM identity_users WHERE id = ?`, ana.ID) == 0
	})
	if _, _, code := s.runApp(t, "account", "delete", luz.Email); code != 2 {
		t.Errorf("without a reason: exit code %d", code)
	}
}
