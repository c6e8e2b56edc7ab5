package e2e

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"risingstars/infra/cliptest"
)

// hookEvent is what a receiver of webhooks got.
type hookEvent struct {
	ID   string `json:"-"`
	Type string
	Data struct {
		VideoID    string `json:"video_id"`
		UserID     string `json:"user_id"`
		Title      string
		PlayerName string `json:"player_name"`
		Country    string `json:"country_code"`
		Code       string
		Because    string
		Votes      int
	}
}

// hookReceiver is a program elsewhere. It accepts only what is signed with its secret, and refuses the first request,
// and all while it is closed.
type hookReceiver struct {
	*httptest.Server

	mu       sync.Mutex
	secret   string
	closed   bool
	events   []hookEvent
	requests int
	wrong    []string
}

func startHookReceiver(t *testing.T) *hookReceiver {
	t.Helper()
	r := &hookReceiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *hookReceiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	verifier, verifyErr := standardwebhooks.NewWebhook(r.secret)
	if verifyErr == nil {
		verifyErr = verifier.Verify(body, request.Header)
	}
	event := hookEvent{ID: request.Header.Get("webhook-id")}
	if r.requests++; r.requests == 1 || r.closed {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if err != nil || verifyErr != nil || json.Unmarshal(body, &event) != nil {
		r.wrong = append(r.wrong, string(body))
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.events = append(r.events, event)
}

func (r *hookReceiver) use(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret
}

// close lets the receiver refuse everything, or no longer.
func (r *hookReceiver) close(closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = closed
}

// seen returns what the receiver has accepted, what was not signed, and how many requests there were.
func (r *hookReceiver) seen() (events []hookEvent, wrong []string, requests int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events), slices.Clone(r.wrong), r.requests
}

// await returns the first event of a type, and fails the test unless it comes.
func (r *hookReceiver) await(t *testing.T, kind string) (event hookEvent) {
	t.Helper()
	eventually(t, "the event "+kind+" arrives", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		i := slices.IndexFunc(r.events, func(e hookEvent) bool { return e.Type == kind })
		if i >= 0 {
			event = r.events[i]
		}
		return i >= 0
	})
	return event
}

// addWebhook has the admin add the receiver for all events.
func (p *person) addWebhook(t *testing.T, r *hookReceiver) (id, secret string) {
	t.Helper()
	var added struct {
		Webhook struct {
			ID string `json:"webhook_id"`
		}
		Secret string
	}
	p.post(t, "/api/admin/webhooks", p.Token, map[string]any{
		"url": r.URL, "reason": "A test.",
		"events": []string{"video.published", "video.failed", "entry.hidden", "vote.milestone"},
	}).want(t, http.StatusCreated, "").decode(t, &added)
	r.use(added.Secret)
	return added.Webhook.ID, added.Secret
}

func (s *site) newAdmin(t *testing.T) *person {
	t.Helper()
	root := s.newPerson(t, "")
	if out, errs, code := s.runApp(t, "role", "grant", root.Email, "admin", "--reason", "A test."); code != 0 {
		t.Fatalf("app role grant: %d\n%s%s", code, out, errs)
	}
	return root
}

// A program elsewhere is told, signed, of what is published, fails, gets votes and is hidden, also of an act right
// after which the site is killed. The results are exported meanwhile.
func TestWebhooksTellWhatHappens(t *testing.T) {
	t.Parallel()
	r := startHookReceiver(t)
	settings := []string{"WEBHOOKS_ALLOW_PRIVATE=true", "RATE_LIMITS=false"}
	s := startSite(t, settings...)
	root, ana := s.newAdmin(t), s.newPerson(t, "Cali")
	s.post(t, "/api/admin/webhooks", ana.Token, map[string]any{
		"url": r.URL, "reason": "Mine.", "events": []string{"video.failed"},
	}).want(t, http.StatusForbidden, "forbidden_role")
	id, secret := root.addWebhook(t, r)
	hook := "/api/admin/webhooks/" + id

	id = ana.upload(t, tinyClip(t), "=Tango()")
	live := cliptest.Make(t, "live.mp4", "-i", tinyClip(t), "-c", "copy", "-movflags", "frag_keyframe+empty_moov")
	var failing struct {
		ID string `json:"video_id"`
	}
	ana.postUploadForm(t, part{Name: "title", Value: "Late"}, part{Name: "start_seconds", Value: "60"},
		part{"file", readFile(t, live), "live.mp4"}).want(t, http.StatusCreated, "").decode(t, &failing)
	published := r.await(t, "video.published")
	if published.Data.VideoID != id || published.Data.UserID != ana.ID || published.Data.Title != "=Tango()" ||
		published.Data.Country != "CO" {
		t.Errorf("published: %+v", published)
	}
	if e := r.await(t, "video.failed"); e.Data.VideoID != failing.ID || e.Data.Code != "start_beyond_end" {
		t.Errorf("failed: %+v", e)
	}
	vote := "/api/public/videos/" + id + "/vote"
	for range 9 {
		voter := s.newPerson(t, "")
		s.post(t, vote, voter.Token, nil).want(t, http.StatusOK, "")
	}
	s.post(t, vote, ana.Token, nil).want(t, http.StatusOK, "")
	if e := r.await(t, "vote.milestone"); e.Data.VideoID != id || e.Data.Votes != 10 {
		t.Errorf("milestone: %+v", e)
	}
	s.wantExports(t, root, ana, id)

	// Killed between the act and its event, which nobody accepts before.
	r.close(true)
	s.post(t, "/api/admin/videos/"+id+"/hide", root.Token, map[string]string{"reason": "spam"}).
		want(t, http.StatusOK, "")
	s.kill(t)
	s.start(t, settings...)
	r.close(false)
	hidden := r.await(t, "entry.hidden")
	if hidden.Data.VideoID != id || hidden.Data.Because != "moderator" {
		t.Errorf("hidden: %+v", hidden)
	}

	var log []struct {
		ID      string `json:"delivery_id"`
		EventID string `json:"event_id"`
		State   string
		Tries   int
	}
	eventually(t, "all is noted as delivered", func() bool {
		s.get(t, hook+"/deliveries?state=delivered", root.Token).want(t, http.StatusOK, "").decode(t, &log)
		return len(log) == 4
	})
	if n := s.queryInt(t, `SELECT COUNT(*) AS n FROM webhooks_deliveries WHERE user_id <> ?`, ana.ID); n > 0 {
		t.Errorf("%d deliveries would outlive the account that they are about", n)
	}
	if log[0].EventID != hidden.ID {
		t.Errorf("the latest delivery is %+v, and the event %+v", log[0], hidden)
	}
	before, _, _ := r.seen()
	s.post(t, hook+"/deliveries/"+log[0].ID+"/replay", root.Token, map[string]string{"reason": "Again."}).
		want(t, http.StatusOK, "")
	var after []hookEvent
	var wrong []string
	eventually(t, "it is sent again", func() bool {
		after, wrong, _ = r.seen()
		return len(after) > len(before)
	})
	if last := after[len(after)-1]; last != hidden || len(wrong) > 0 {
		t.Errorf("it is sent again as %+v; what was not signed: %q", last, wrong)
	}
	if log := s.log.String(); strings.Contains(log, secret) {
		t.Error("the log has the secret")
	}
}

// wantExports checks the tables of a site with one entry, by ana, that has ten votes.
func (s *site) wantExports(t *testing.T, root, ana *person, id string) {
	t.Helper()
	s.get(t, "/api/admin/export/votes", ana.Token).want(t, http.StatusForbidden, "forbidden_role")
	s.get(t, "/api/admin/export/votes", "").want(t, http.StatusUnauthorized, "unauthenticated")
	s.get(t, "/api/admin/export/people", root.Token).want(t, http.StatusNotFound, "not_found")
	s.get(t, "/api/admin/export/votes?format=xml", root.Token).want(t, http.StatusUnprocessableEntity, "invalid")
	answer := s.get(t, "/api/admin/export/entries", root.Token).want(t, http.StatusOK, "")
	if name := answer.Header.Get("Content-Disposition"); !strings.HasPrefix(name, "attachment; filename=entries-") {
		t.Errorf("Content-Disposition: %s", name)
	}
	rows, err := csv.NewReader(strings.NewReader(string(answer.Body))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != id || rows[1][5] != "'=Tango()" || rows[1][10] != "10" {
		t.Errorf("entries: %q, %v", rows, err)
	}
	var ranking struct {
		Ranking []struct {
			Position, Votes int
			UserID          string `json:"user_id"`
		}
	}
	s.get(t, "/api/admin/export/ranking?format=json", root.Token).want(t, http.StatusOK, "").decode(t, &ranking)
	if len(ranking.Ranking) != 1 || ranking.Ranking[0].UserID != ana.ID || ranking.Ranking[0].Votes != 10 {
		t.Errorf("ranking: %+v", ranking)
	}
	if head := s.do(t, http.MethodHead, "/api/admin/export/votes", root.Token, "", nil); head.Status != http.StatusOK ||
		len(head.Body) != 0 {
		t.Errorf("HEAD: %d, %q", head.Status, head.Body)
	}
	out, errs, code := s.runApp(t, "results", "export", "votes", "--format", "json")
	var votes struct{ Votes []struct{ Votes int } }
	if err := json.Unmarshal([]byte(out), &votes); code != 0 || err != nil || len(votes.Votes) != 1 ||
		votes.Votes[0].Votes != 10 {
		t.Errorf("app results export: %d, %v\n%s%s", code, err, out, errs)
	}
	for _, args := range [][]string{{"people"}, {"votes", "--format", "xml"}, {}} {
		if _, _, code := s.runApp(t, append([]string{"results", "export"}, args...)...); code != exitUsage {
			t.Errorf("app results export %v: exit code %d", args, code)
		}
	}
}

// Without the setting, no webhook reaches the network of the site, whatever its name resolves to.
func TestWebhooksReachPublicAddressesOnly(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	r := startHookReceiver(t)
	s := startSite(t)
	root := s.newAdmin(t)
	add := func(address string) apiResponse {
		return s.post(t, "/api/admin/webhooks", root.Token, map[string]any{
			"url": address, "reason": "A test.", "events": []string{"video.published"},
		})
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(r.URL, "http://"), ":")
	for _, address := range []string{r.URL, "https://127.0.0.1:" + port, "https://[::1]:" + port, "https://10.0.0.1/"} {
		add(address).want(t, http.StatusUnprocessableEntity, "invalid")
	}
	var added struct {
		Webhook struct {
			ID string `json:"webhook_id"`
		}
	}
	add("https://localhost:"+port).want(t, http.StatusCreated, "").decode(t, &added)
	hook := "/api/admin/webhooks/" + added.Webhook.ID
	s.post(t, hook+"/test", root.Token, map[string]string{"reason": "A test."}).want(t, http.StatusOK, "")
	var webhook struct {
		LastError string `json:"last_error"`
	}
	eventually(t, "it says why it fails", func() bool {
		s.get(t, hook, root.Token).want(t, http.StatusOK, "").decode(t, &webhook)
		return webhook.LastError != ""
	})
	if _, _, requests := r.seen(); webhook.LastError != "address_not_public" || requests > 0 {
		t.Errorf("%s, %d requests", webhook.LastError, requests)
	}
}
