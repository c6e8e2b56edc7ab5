package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The console makes the first admin, who hides a published video and suspends its owner: nobody sees it or its files,
// votes for it or signs in; afterwards everything is as before. Each act stands in the log.
func TestAHiddenVideoAndASuspendedAccountComeBack(t *testing.T) {
	onlyInStage(t, embedded, onehost) // SQLite and PostgreSQL
	t.Parallel()
	s := startSite(t)
	root, ana, luz := s.newPerson(t, ""), s.newPerson(t, "Cali"), s.newPerson(t, "Cali")
	root.get(t, "/api/admin/users", root.Token).want(t, http.StatusForbidden, "forbidden_role")
	if out, errs, code := s.runApp(t, "role", "grant", root.Email, "admin", "--reason", "The first one."); code != 0 ||
		!strings.Contains(out, root.Email) {
		t.Fatalf("app role grant: %d\n%s%s", code, out, errs)
	}
	if _, _, code := s.runApp(t, "role", "grant", root.Email, "king"); code != 2 {
		t.Errorf("a role that does not exist: exit code %d", code)
	}
	if _, errs, code := s.runApp(t, "role", "revoke", root.Email, "admin"); code != 1 ||
		!strings.Contains(errs, "last_admin") {
		t.Errorf("the last admin is revoked: exit code %d\n%s", code, errs)
	}
	if out, _, code := s.runApp(t, "role", "list"); code != 0 || !strings.Contains(out, "admin") {
		t.Errorf("app role list: %d\n%s", code, out)
	}

	id := ana.upload(t, shortClip(t), "Song")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	public, vote := "/api/public/videos/"+id, "/api/public/videos/"+id+"/vote"
	s.do(t, http.MethodPost, vote, luz.Token, "", nil).want(t, http.StatusOK, "")
	var shown struct {
		ProcessedURL string `json:"processed_url"`
		Votes        int
	}
	s.get(t, public, "").want(t, http.StatusOK, "").decode(t, &shown)
	clip := shown.ProcessedURL
	s.get(t, clip, "").want(t, http.StatusOK, "")

	// Somebody reports it, which hides nothing; the admin does.
	s.post(t, public+"/report", "", map[string]string{"reason": "rights", "email": "who@example.com"}).
		want(t, http.StatusCreated, "")
	s.post(t, public+"/report", "", map[string]string{"reason": "spam", "email": "WHO@example.com"}).
		want(t, http.StatusCreated, "") // and dropped: it may be somebody else
	s.post(t, public+"/report", luz.Token, map[string]string{"reason": "spam"}).want(t, http.StatusCreated, "")
	s.post(t, public+"/report", luz.Token, map[string]string{"reason": "spam"}).
		want(t, http.StatusBadRequest, "already_reported")
	s.get(t, public, "").want(t, http.StatusOK, "")
	var reports []struct {
		ReportID string `json:"report_id"`
	}
	s.get(t, "/api/admin/reports", root.Token).want(t, http.StatusOK, "").decode(t, &reports)
	decision := map[string]string{"decision": "hidden", "reason": "rights", "words": "Is not hers."}
	decide := "/api/admin/reports/" + reports[0].ReportID + "/decision"
	s.post(t, decide, root.Token, decision).want(t, http.StatusOK, "")
	s.post(t, decide, root.Token, decision).want(t, http.StatusConflict, "already_decided")
	eventually(t, "the public answer is withdrawn", func() bool {
		return s.get(t, public, "").Status == http.StatusGone
	})
	s.do(t, http.MethodDelete, vote, luz.Token, "", nil).want(t, http.StatusGone, "withdrawn")
	eventually(t, "links to the clip stop", func() bool { return s.get(t, clip, "").Status == http.StatusNotFound })
	var mine struct {
		Votes        int
		ProcessedURL string `json:"processed_url"`
		Hidden       struct{ Code, Words string }
	}
	s.get(t, "/api/videos/"+id, ana.Token).want(t, http.StatusOK, "").decode(t, &mine)
	if mine.Hidden.Code != "rights" || mine.Hidden.Words != "Is not hers." || mine.Votes != 1 {
		t.Errorf("the owner reads %+v", mine)
	}
	if mine.ProcessedURL != "" {
		t.Errorf("the owner still has the address %s", mine.ProcessedURL)
	}

	// Its owner is suspended meanwhile.
	user := "/api/admin/users/" + ana.ID
	s.do(t, http.MethodPut, user+"/suspension", root.Token, "application/json",
		strings.NewReader(`{"reason":"Bought votes."}`)).want(t, http.StatusOK, "")
	began := time.Now()
	s.post(t, "/api/auth/login", "", map[string]string{"email": ana.Email, "password": password}).
		want(t, http.StatusForbidden, "suspended")
	eventually(t, "she cannot act any more", func() bool { // all her sessions have ended
		return s.do(t, http.MethodPost, vote, ana.Token, "", nil).Status == http.StatusUnauthorized
	})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a suspension holds after %s", took)
	}
	s.post(t, "/api/admin/videos/"+id+"/show", root.Token, map[string]string{"words": "It is hers."}).
		want(t, http.StatusOK, "")
	s.get(t, public, "").want(t, http.StatusGone, "withdrawn") // because of the suspension
	s.post(t, user+"/unsuspend", root.Token, map[string]string{"reason": "A mistake."}).want(t, http.StatusOK, "")
	eventually(t, "the video is shown again", func() bool { return s.get(t, public, "").Status == http.StatusOK })
	s.get(t, public, "").decode(t, &shown)
	if shown.Votes != 1 {
		t.Errorf("it has %d votes", shown.Votes)
	}
	s.get(t, shown.ProcessedURL, "").want(t, http.StatusOK, "")
	s.post(t, "/api/auth/login", "", map[string]string{"email": ana.Email, "password": password}).
		want(t, http.StatusOK, "")

	var acts []struct{ Act, Actor string }
	s.get(t, "/api/admin/log", root.Token).want(t, http.StatusOK, "").decode(t, &acts)
	var names []string
	for _, act := range acts {
		names = append(names, act.Act)
	}
	want := "user.unsuspend video.show user.suspend video.hide roles.set"
	if got := strings.Join(names, " "); got != want || acts[len(acts)-1].Actor != "console" {
		t.Errorf("the log has %q, want %q: %+v", got, want, acts)
	}
	if out, errs, code := s.runApp(t, "storage", "check"); code != 0 {
		t.Errorf("app storage check: %d\n%s%s", code, out, errs)
	}
}
