package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// besiegedMemory is how much of memory the serving process may occupy while it is attacked, in bytes. 46 MiB of it are
// the pages of the program itself; 1,000 slow downloads measured 143 MiB.
const besiegedMemory = 160<<20 + detectorMemory

// visitPause is how long people pause between their visits.
const visitPause = 200 * time.Millisecond

// siege is a site that one client attacks while other people use it.
type siege struct {
	*site
	entry  string   // a published video
	voters []string // tokens
	others *http.Client
}

// besiege starts a site as it is shipped, because the race detector multiplies memory use, and publishes a video.
func besiege(t *testing.T, env ...string) *siege {
	t.Helper()
	return besiegeOn(t, newSite(t), env...)
}

// besiegeOn is besiege for a site on which nothing runs yet.
func besiegeOn(t *testing.T, site *site, env ...string) *siege {
	t.Helper()
	site.program = shippedProgram(t)
	site.start(t, append(env, "SECRET_KEY="+votingSecret)...)
	ana := site.newPerson(t, "Bogotá")
	id := ana.upload(t, tinyClip(t), "Song")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	// The others come from another address than the attacker.
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	return &siege{
		site: site, entry: id, voters: voterTokens(t, 60),
		others: &http.Client{Transport: contracttest.Transport(t, &http.Transport{DialContext: dialer.DialContext})},
	}
}

var (
	shippedOnce sync.Once
	shippedPath string
	errShipped  error
)

// shippedProgram builds the app as it is shipped, once, and returns its path.
func shippedProgram(t *testing.T) string {
	t.Helper()
	shippedOnce.Do(func() {
		shippedPath = filepath.Join(sharedFolder(t), "app")
		out, err := exec.Command("go", "build", "-o", shippedPath, "risingstars").CombinedOutput()
		if err != nil {
			errShipped = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if errShipped != nil {
		t.Fatal(errShipped)
	}
	return shippedPath
}

// while runs the attack while other people sign in, vote and look at the gallery. All of them must be answered, and the
// serving process must not grow beyond besiegedMemory. How long their answers take is logged; if TEST_P99 is set, as
// `make siege` does on a machine that does nothing else, it is the longest that all but 1 % may take.
func (s *siege) while(t *testing.T, attack func(ctx context.Context)) {
	t.Helper()
	s.resetPeak(t)
	before := s.memory(t, "VmRSS")
	ctx, cancel := context.WithCancel(t.Context())
	var (
		took  []time.Duration
		group sync.WaitGroup
	)
	group.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			took = append(took, s.visit(t, n)...)
			select { // a long attack must not outlast what one address may ask for
			case <-ctx.Done():
			case <-time.After(visitPause):
			}
		}
	})
	attack(ctx)
	took = append(took, s.lastVisit(t, cancel, &group)...)
	slices.Sort(took)
	peak := s.memory(t, "VmHWM")
	p99 := took[len(took)*99/100]
	t.Logf("%d answers to others: median %s, p99 %s; serve's memory before %.1f MiB, at most %.1f MiB", len(took),
		took[len(took)/2].Round(time.Millisecond), p99.Round(time.Millisecond),
		float64(before)/(1<<20), float64(peak)/(1<<20))
	if peak > besiegedMemory {
		t.Errorf("serve occupied %d bytes, more than %d", peak, besiegedMemory)
	}
	if most, err := time.ParseDuration(os.Getenv("TEST_P99")); err == nil && p99 > most {
		t.Errorf("the 99th percentile of the answers to others is %s, more than %s", p99, most)
	}
}

// lastVisit ends the visits and makes one more, so that there is at least one.
func (s *siege) lastVisit(t *testing.T, cancel context.CancelFunc, group *sync.WaitGroup) []time.Duration {
	t.Helper()
	cancel()
	group.Wait()
	return s.visit(t, 0)
}

// visit is what a person does: sign in, vote or take the vote back, and look at the gallery.
func (s *siege) visit(t *testing.T, n int) []time.Duration {
	t.Helper()
	login, err := json.Marshal(map[string]string{"email": fmt.Sprintf("nobody%d@example.com", n), "password": "not it"})
	if err != nil {
		t.Error(err)
	}
	method := http.MethodPost
	if n/len(s.voters)%2 == 1 {
		method = http.MethodDelete
	}
	vote := "/api/public/videos/" + s.entry + "/vote"
	return []time.Duration{
		s.ask(t, http.MethodPost, "/api/auth/login", "", login, http.StatusUnauthorized),
		s.ask(t, method, vote, s.voters[n%len(s.voters)], nil, http.StatusOK, http.StatusBadRequest),
		s.ask(t, http.MethodGet, "/api/public/videos", "", nil, http.StatusOK),
	}
}

// ask sends a request and returns how long the answer took. Its status must be one of want.
func (s *siege) ask(t *testing.T, method, path, token string, body []byte, want ...int) time.Duration {
	t.Helper()
	// Not the context of the attack: an answer that comes after its end counts as well.
	request, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	began := time.Now()
	response, err := s.others.Do(request)
	if err != nil {
		t.Errorf("%s %s of somebody else: %v", method, path, err)
		return time.Since(began)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || !slices.Contains(want, response.StatusCode) {
		t.Errorf("%s %s of somebody else: %d %s (%v)", method, path, response.StatusCode, content, err)
	}
	return time.Since(began)
}
