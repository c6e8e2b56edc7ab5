package e2e

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Verdicts of `app doctor`.
const (
	verdictOK   = "ok"
	verdictWarn = "warn"
	verdictFail = "FAIL"
)

// newSiteWithoutServers returns a site that is only a data folder, for commands of the embedded stage.
func newSiteWithoutServers(t *testing.T) *site {
	t.Helper()
	s := &site{DataDir: t.TempDir()}
	if err := os.Symlink(sharedBumpers(t), filepath.Join(s.DataDir, "bumpers")); err != nil {
		t.Fatal(err)
	}
	return s
}

// The command is that of the system's own package manager.
func TestWithoutFFmpegServeSaysWhatInstallsIt(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSiteWithoutServers(t)
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "apk"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"serve", "doctor", "version"} {
		out, errs, _ := s.runAppWith(t, []string{"PATH=" + programs, "HTTP_ADDR=127.0.0.1:0"}, command)
		if said := out + errs; !strings.Contains(said, "find ffmpeg: ") || !strings.Contains(said, "apk add ffmpeg") {
			t.Errorf("app %s says %s", command, said)
		}
	}
}

func TestVersionAndUsage(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSiteWithoutServers(t)
	built := "\ngo     " + strings.TrimPrefix(runtime.Version(), "go") + " " + runtime.GOOS + "/" + runtime.GOARCH
	if out, _, code := s.runApp(t, "version"); !strings.HasPrefix(out, "1.0.0\ncommit ") ||
		!strings.Contains(out, built+"\nffmpeg ") || code != 0 {
		t.Errorf("version prints %q and exits with %d", out, code)
	}
	for _, args := range [][]string{
		{"serve", "--nonsense"},
		{"nonsense"},
		{"process", "one"},
		{"serve", "extra"},
		{"process", "--start=-1", "in", "out"},
	} {
		out, errs, code := s.runApp(t, args...)
		if code != exitUsage || !strings.HasPrefix(errs, "app: ") || out != "" {
			t.Errorf("%v: exit code %d, stderr %q, stdout %q", args, code, errs, out)
		}
	}
}

func TestDoctorReportsWhatWouldFailLater(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSiteWithoutServers(t)
	out, _, code := s.runApp(t, "doctor")
	if code != 0 || strings.Contains(out, verdictFail) {
		t.Fatalf("for a correct set-up, doctor exits with %d and prints:\n%s", code, out)
	}
	for _, check := range []string{
		"configuration", "ffmpeg", "disk", "proxies", "database", "clock", "queue", "storage", "secret",
	} {
		if !regexp.MustCompile(`(?m)^(ok|warn) +` + check + ` `).MatchString(out) {
			t.Errorf("no line for %s in:\n%s", check, out)
		}
	}
	// The test itself made the bumpers.
	left, err := os.ReadDir(s.DataDir)
	if err != nil || len(left) > 1 || len(left) == 1 && left[0].Name() != "bumpers" {
		t.Errorf("the checks left %v (%v)", left, err)
	}

	secret := filepath.Join(s.DataDir, "secret_key")
	if err := os.WriteFile(secret, []byte(strings.Repeat("k", 32)), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	tooLarge := []string{"PATH=" + empty, "TRUSTED_PROXIES=0.0.0.0/0", "MAX_UPLOAD_BYTES=53687091200000"}
	_, errs, code := s.runAppWith(t, tooLarge, "doctor")
	if code != exitUsage || !strings.Contains(errs, "MAX_UPLOAD_BYTES") {
		t.Errorf("a wrong value: exit code %d, %q", code, errs)
	}
	out, _, code = s.runAppWith(t, []string{"PATH=" + empty, "TRUSTED_PROXIES=0.0.0.0/0"}, "doctor")
	if code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	for _, check := range []string{"ffmpeg", "proxies", "secret"} {
		if !regexp.MustCompile(`(?m)^FAIL +` + check + ` `).MatchString(out) {
			t.Errorf("no FAIL for %s in:\n%s", check, out)
		}
	}
}

// A server that is down does not prevent the doctor from checking the others.
func TestDoctorChecksEverythingDespiteFailures(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	address := closed.Addr().String()
	out, _, code := newSiteWithoutServers(t).runAppWith(t, []string{
		"DATABASE_URL=postgresql://u:hunter2@" + address + "/x", "REDIS_URL=redis://:hunter2@" + address + "/0",
		"SECRET_KEY=4f1d0b8b6c5e49a7a3b2c1d0e9f8a7b6",
	}, "doctor")
	if code != exitFailure || strings.Contains(out, "hunter2") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	for check, verdict := range map[string]string{
		"database": verdictFail, "clock": verdictWarn, "secret": verdictOK, "queue": verdictFail,
		"storage": verdictWarn, // serve creates its folder
	} {
		if !regexp.MustCompile(`(?m)^` + verdict + ` +` + check + ` `).MatchString(out) {
			t.Errorf("the verdict of %s is not %s in:\n%s", check, verdict, out)
		}
	}
	for line := range strings.Lines(out) {
		verdict := strings.Fields(line)[0]
		if verdict != verdictOK && verdict != verdictWarn && verdict != verdictFail {
			t.Errorf("a line without a verdict: %q", line)
		}
	}
}

func TestProcessReportsProgressAndWritesItsFiles(t *testing.T) {
	onlyInStage(t, embedded)
	skipIfShort(t)
	t.Parallel()
	s := newSiteWithoutServers(t).withSmall()
	out := filepath.Join(t.TempDir(), "out.mp4")
	_, errs, code := s.runApp(t, "process", "--start", "0.5", shortClip(t), out)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if !strings.HasPrefix(errs, "probing 0 %\n") || !strings.HasSuffix(errs, "processing 100 %\n") ||
		strings.Count(errs, "\n") > 13 {
		t.Errorf("progress is reported as:\n%s", errs)
	}
	var names []string
	entries, err := os.ReadDir(filepath.Dir(out))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if want := []string{"out-small.mp4", "out.jpg", "out.mp4"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("the folder holds %v (%v), want %v", names, err, want)
	}
	if err := os.WriteFile(filepath.Join(s.DataDir, "in.mp4"), []byte(readFile(t, tinyClip(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := s.runApp(t, "process", "in.mp4", "here.mp4"); code != 0 {
		t.Errorf("names in the current folder: exit code %d: %s", code, errs)
	}
	folder := t.TempDir()
	_, errs, code = s.runApp(t, "process", tinyClip(t), folder)
	if code != exitFailure || !strings.Contains(errs, "into place") {
		t.Errorf("a folder as the output: exit code %d: %s", code, errs)
	}
	if _, err := os.Stat(folder + ".jpg"); err == nil {
		t.Error("a poster was written without its clip")
	}
	text := filepath.Join(t.TempDir(), "text.mp4")
	if err := os.WriteFile(text, []byte("not a clip"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, code = s.runApp(t, "process", text, out)
	if code != exitFailure || !strings.Contains(errs, "not_a_video") {
		t.Errorf("a text file: exit code %d, %q", code, errs)
	}
}

func TestHealthcheckUsesTheConfiguredAddress(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	addr := strings.TrimPrefix(s.URL, "http://")
	for name, args := range map[string][]string{"ready": {"healthcheck"}, "live": {"healthcheck", "--live"}} {
		eventually(t, "the app is "+name, func() bool { // a single healthcheck may hit its own short timeout
			_, errs, code := s.runAppWith(t, []string{"HTTP_ADDR=" + addr}, args...)
			if code != 0 {
				t.Logf("%s: exit code %d: %s", name, code, errs)
			}
			return code == 0
		})
	}
	if code := s.stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if _, _, code := s.runAppWith(t, []string{"HTTP_ADDR=" + addr}, "healthcheck"); code != exitFailure {
		t.Errorf("a stopped app: exit code %d", code)
	}
}
