package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// loadResult is what infra/load writes.
type loadResult struct {
	Scenario string
	Bars     []struct {
		Name, Measured string
		Held           bool
	}
	Steps     []struct{ Requests, Errors int }
	Jobs      []struct{ Done, Failed int }
	Processes []struct {
		PeakMiB float64 `json:"peak_mib"`
	}
}

// loadProgram builds infra/load and returns its path, and that of k6.
func loadProgram(t *testing.T) (load, k6 string) {
	t.Helper()
	skipIfShort(t)
	k6, err := filepath.Abs("../../.cache/bin/k6")
	if err == nil {
		_, err = os.Stat(k6)
	}
	if err != nil {
		t.Fatalf("k6 is not there (make .cache/bin/k6): %v", err)
	}
	load = filepath.Join(t.TempDir(), "load")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", load, "../load")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return load, k6
}

// runLoad runs a scenario with the site's settings, and returns its result. Its page must hold charts, and nothing that
// comes from elsewhere.
func (s *site) runLoad(t *testing.T, program string, args ...string) loadResult {
	t.Helper()
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, append(args, "-out", out)...)
	cmd.Env = s.command(t).Env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	said, err := cmd.CombinedOutput()
	// 3 says that a bar was missed. A busy machine may miss those about time, and this test looks at the others.
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 3 {
		t.Fatalf("%v\n%s", err, said)
	}
	found, _ := filepath.Glob(filepath.Join(out, args[0]+"-*"))
	if len(found) != 2 {
		t.Fatalf("the files are %v\n%s", found, said)
	}
	var r loadResult
	page := ""
	for _, path := range found {
		if strings.HasSuffix(path, ".html") {
			page = readFile(t, path)
		} else if err := json.Unmarshal([]byte(readFile(t, path)), &r); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(page, "<svg") || !strings.Contains(page, "</html>") {
		t.Errorf("the page has no chart: %.500s", page)
	}
	for _, outside := range []string{"<link", "<script", "src=", "@import", "url("} {
		if strings.Contains(page, outside) {
			t.Errorf("the page has %s", outside)
		}
	}
	for _, b := range r.Bars {
		if !b.Held && !strings.HasSuffix(b.Measured, " ms") && !strings.HasSuffix(b.Measured, " MiB") {
			t.Errorf("%s: %s\n%s", b.Name, b.Measured, said)
		}
	}
	for _, p := range r.Processes {
		if p.PeakMiB <= 0 {
			t.Error("the memory of the process is not known")
		}
	}
	return r
}

func (r loadResult) requests() (n int) {
	for _, s := range r.Steps {
		n += s.Requests
	}
	return n
}

func TestEveryLoadScenarioRuns(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	load, k6 := loadProgram(t)
	s := startSite(t, "RATE_LIMITS=false", "LOAD_TEST_ENDPOINTS=true")
	if out, errs, code := s.runApp(t, "seed", "--contestants=30", "--voters=10", "--votes=50"); code != 0 {
		t.Fatal(out, errs)
	}
	target := []string{
		"-target", contracttest.Proxy(t, s.URL), "-watch", fmt.Sprintf("serve=%d", s.processes[0].cmd.Process.Pid),
	}

	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if r := s.runLoad(t, load, "web", "-smoke", "-k6", k6, "-app", exe); r.requests() < 10 {
		t.Errorf("web: %+v", r)
	}
	if r := s.runLoad(t, load, append([]string{"night", "-smoke", "-k6", k6}, target...)...); r.requests() < 20 {
		t.Errorf("night: %+v", r)
	}
	if r := s.runLoad(t, load, append([]string{"uploads", "-smoke"}, target...)...); r.requests() < 4 {
		t.Errorf("uploads: %+v", r)
	}
	r := s.runLoad(t, load, "inject", "-app", exe, "-metrics", s.URL+"/metrics", "-clip", tinyClip(t), "-count", "2",
		"-rate", "60")
	if len(r.Jobs) != 1 || r.Jobs[0].Done != 2 || r.Jobs[0].Failed != 0 {
		t.Errorf("inject: %+v", r)
	}
	gallery := s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "")
	if count := gallery.Header.Get("X-Total-Count"); count != "32" {
		t.Errorf("%s entries, want 32", count)
	}
}

func TestLoadScenariosSayWhatTheSiteLacks(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	load, k6 := loadProgram(t)
	open, bounded := startSite(t), startSite(t, "LOAD_TEST_ENDPOINTS=true")
	for _, row := range []struct {
		name, target, want string
	}{
		{"nobody there", "http://127.0.0.1:1", "does not answer"},
		{"no upload-mock", open.URL, "LOAD_TEST_ENDPOINTS=true"},
		{"rates are bounded", bounded.URL, "RATE_LIMITS=false"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
		cmd := exec.CommandContext(ctx, load, "web", "-smoke", "-k6", k6, "-target", row.target)
		said, err := cmd.CombinedOutput()
		cancel()
		if err == nil || !strings.Contains(string(said), row.want) {
			t.Errorf("%s: %v %s", row.name, err, said)
		}
	}
}

// Scripts of others, with the requests that such scripts send in the order in which they send them.
func TestLoadScriptsOfOthersRunUnchanged(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	_, k6 := loadProgram(t)
	s := startSite(t, "RATE_LIMITS=false", "LOAD_TEST_ENDPOINTS=true")

	cmd := exec.CommandContext(t.Context(), k6, "run", "--quiet", "--no-usage-report", "--address", "",
		"../load/testdata/others.js")
	cmd.Env = append(os.Environ(), "BASE_URL="+contracttest.Proxy(t, s.URL), "FILE_PATH="+tinyClip(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("k6: %v\n%s", err, out)
	}
	s.locust(t)
}

// locust sends what a Locust file for this API sends: the body of each request is as its HTTP library, requests, writes
// it. Locust itself is not among the tools of the tests.
func (s *site) locust(t *testing.T) {
	t.Helper()
	const password = "TestPassword123!"
	email := "loadtest_0f8fad5bd9cb469fa16570867728950e@example.com"
	account := fmt.Sprintf(`{"email": "%s", "password1": "%s", "password2": "%[2]s", "first_name": "Load", `+
		`"last_name": "Test", "city": "TestCity", "country": "CO"}`, email, password)
	s.do(t, http.MethodPost, "/api/auth/signup", "", "application/json", strings.NewReader(account)).
		want(t, http.StatusCreated, "")
	// A file that runs again may meet its accounts.
	s.do(t, http.MethodPost, "/api/auth/signup", "", "application/json", strings.NewReader(account)).
		want(t, http.StatusBadRequest, "email_taken")
	var login struct {
		Token string `json:"access_token"`
	}
	s.do(t, http.MethodPost, "/api/auth/login", "", "application/json",
		strings.NewReader(fmt.Sprintf(`{"email": "%s", "password": "%s"}`, email, password))).
		want(t, http.StatusOK, "").decode(t, &login)

	// requests writes the fields before the files, without a type, and 32 hexadecimal digits as the boundary.
	const boundary = "4f2b8c1d9e7a6053c4d2e1f0a9b8c7d6"
	form := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nLoad Test Video 51235\r\n" +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"video_file\"; filename=\"test_video.mp4\"\r\n" +
		"Content-Type: video/mp4\r\n\r\n" + strings.Repeat("0", 10*1024) + "\r\n--" + boundary + "--\r\n"
	var uploaded struct {
		VideoID string `json:"video_id"`
	}
	s.do(t, http.MethodPost, "/api/videos/upload-mock", login.Token, "multipart/form-data; boundary="+boundary,
		strings.NewReader(form)).want(t, http.StatusAccepted, "").decode(t, &uploaded)
	if uploaded.VideoID == "" {
		t.Error("the answer names no video")
	}
	for _, path := range []string{"/api/videos", "/api/videos/", "/health"} {
		s.get(t, path, login.Token).want(t, http.StatusOK, "")
	}
}
