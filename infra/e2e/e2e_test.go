// Package e2e tests the program as its users meet it: as real processes, over HTTP, signals and the command line, in
// every stage. TEST_STAGE names the stage: embedded (the default), onehost or aws.
package e2e

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"risingstars/app"
	"risingstars/infra/cliptest"
	"risingstars/infra/racetest"
	"risingstars/platform/storage/s3store/s3test"
)

// asApp is the environment variable that turns the test binary into the app, so that the tests run the program itself.
const asApp = "RISING_STARS_TEST_AS_APP"

// Exit codes of the program.
const (
	exitFailure = 1
	exitUsage   = 2
)

// waitTimeout is how long a condition may take to become true on a busy machine before a test fails.
const waitTimeout = 3 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asApp) != "" {
		confine()
		app.Main()
	}
	// Of the ways through the app, one test each is watched.
	racetest.Watch(
		TestABackupUnderLoadIsWhole, TestAClipIsSentAndVotedForOnPages, TestAHiddenVideoAndASuspendedAccountComeBack,
		TestAnAccountIsCopiedDeletedBroughtBackAndErased, TestAnUploadIsOneTraceUpToItsPublication,
		TestDeletingAVideoStopsItsJob, TestDirectUploadGoesStraightToStorage, TestEveryLoadScenarioRuns,
		TestEveryPanelShowsValues, TestMainUserJourney, TestOneAccountPerEmailAddress,
		TestProcessesThatStartAtOnceOnANewFolderAllServe, TestProgressIsStreamedUntilTheVideoIsFinal,
		TestRehearsal, TestSessionsAreListedRefreshedAndEndedEverywhere, TestStopReleasesTheJob,
		TestStopWaitsForAnUploadInProgress, TestVotesOverHTTPAreCountedOnce, TestWebhooksTellWhatHappens,
	)
	code := cliptest.Run(m)
	if dir := sharedDir.Load(); dir != nil {
		_ = os.RemoveAll(*dir)
	}
	os.Exit(code)
}

// site is one running app with its own data folder: the processes and the servers of the stage under test.
type site struct {
	URL     string // of its first `app serve`, or of nginx in front of it
	DataDir string

	program   string   // what runs the app; "": the test binary itself
	settings  []string // NAME=value of the stage, for every command
	database  string   // DATABASE_URL; "" in the embedded stage
	redis     string   // REDIS_URL; "" in stages without Redis
	bucket    *s3test.Bucket
	log       *logBuffer
	processes []*process
}

// startSite runs the app of the stage on free ports; env are NAME=value settings beside the defaults. The site is
// stopped when the test ends, and the test fails unless it stops cleanly.
func startSite(t *testing.T, env ...string) *site {
	t.Helper()
	s := newSite(t)
	s.start(t, env...)
	return s
}

// newSite returns a site on which nothing runs yet.
func newSite(t *testing.T) *site {
	t.Helper()
	skipIfShort(t)
	s := &site{DataDir: t.TempDir()}
	if err := os.Symlink(sharedBumpers(t), filepath.Join(s.DataDir, "bumpers")); err != nil {
		t.Fatal(err)
	}
	if stage() == embedded {
		s.copyMigratedFile(t)
	} else {
		s.useSuiteServers(t, migratedDatabase(t))
		s.useAppUser(t)
	}
	return s
}

// withSmall makes the site's clips have their small renditions, too.
func (s *site) withSmall() *site {
	s.settings = append(s.settings, "MEDIA_SMALL=true")
	return s
}

// start runs the app on the site's data folder. It may be called again after the app was stopped or killed.
func (s *site) start(t *testing.T, env ...string) {
	t.Helper()
	s.log, s.processes = &logBuffer{}, nil
	for _, role := range roles() {
		s.startRole(t, role, env...)
	}
}

// startRole runs one more process of the app, `serve` or `work`, and returns when it is ready.
func (s *site) startRole(t *testing.T, role string, env ...string) *process {
	t.Helper()
	cmd := s.command(t, role)
	cmd.Env = append(cmd.Env, "HTTP_ADDR=127.0.0.1:0", "LOG_FORMAT=json")
	if role == "work" {
		cmd.Env = append(cmd.Env, "WORKER_HTTP_ADDR=127.0.0.1:0") // so that it logs when it is ready
	}
	cmd.Env = append(cmd.Env, env...)
	return s.startCommand(t, cmd)
}

// startCommand starts the app by a prepared command, as one more process of the site.
func (s *site) startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := startProcess(t, cmd, s.log)
	if len(s.processes) == 0 {
		s.URL = p.URL
	}
	s.processes = append(s.processes, p)
	return p
}

// command prepares any command of the app on the site's data folder. The developer's own settings are left out.
func (s *site) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if s.program != "" {
		exe = s.program
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = []string{
		asApp + "=1", "ENV_FILE=", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(),
		"GORACE=" + os.Getenv("GORACE"), "DATA_DIR=" + s.DataDir,
		"DISK_RESERVE_BYTES=1073741824", // of a large volume it would be 10 GiB, which a machine with tests may lack
		"MEDIA_SMALL=false",             // most tests look at one rendition; see withSmall
	}
	cmd.Env = append(cmd.Env, s.settings...)
	cmd.Dir = s.DataDir // which has no .env
	return cmd
}

// runApp runs a command of the app to its end and returns what it printed.
func (s *site) runApp(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return s.runAppWith(t, nil, args...)
}

// runAppWith is runApp with NAME=value settings.
func (s *site) runAppWith(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := s.command(t, args...)
	cmd.Env = append(cmd.Env, env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// stop asks the app to stop, waits for it and returns its exit code. If the processes exit with several codes, it
// returns one that is not 0.
func (s *site) stop(t *testing.T) int {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	return s.wait(t)
}

// kill ends the app as a power cut would, and waits until its processes have exited.
func (s *site) kill(t *testing.T) {
	t.Helper()
	s.signal(t, syscall.SIGKILL)
	s.wait(t)
}

func (s *site) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	for _, p := range s.processes {
		p.signal(t, signal)
	}
}

func (s *site) wait(t *testing.T) (code int) {
	t.Helper()
	for _, p := range s.processes {
		if c := p.wait(t); c != 0 {
			code = c
		}
	}
	return code
}

// storedFiles lists what storage holds, as paths below its root. It leaves out scratch areas, and what the disk keeps
// about direct uploads besides their parts.
func (s *site) storedFiles(t *testing.T) []string {
	t.Helper()
	if s.bucket != nil {
		return s.bucket.Keys(t)
	}
	root := filepath.Join(s.DataDir, "files")
	var found []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".scratch" {
			return filepath.SkipDir
		}
		if entry.IsDir() {
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if !strings.HasPrefix(relative, ".direct/") || strings.HasPrefix(entry.Name(), "part-") {
			found = append(found, relative)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// quick lists the tests with a site of their own that `make test-short` runs.
var quick = []string{"TestMainUserJourney", "TestSignInByJSONAndByForm", "TestABadUploadIsRefusedAndLeavesNothing"}

// skipIfShort leaves all tests but the quick ones to the full run.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() && !slices.Contains(quick, t.Name()) {
		t.Skip("not among the quick tests")
	}
}

var (
	sharedDir   atomic.Pointer[string]
	sharedMutex sync.Mutex
)

// sharedFolder returns a folder that exists as long as the test binary runs.
func sharedFolder(t *testing.T) string {
	t.Helper()
	sharedMutex.Lock()
	defer sharedMutex.Unlock()
	if sharedDir.Load() == nil {
		dir, err := os.MkdirTemp("", "rising-stars-test-")
		if err != nil {
			t.Fatal(err)
		}
		sharedDir.Store(&dir)
	}
	return *sharedDir.Load()
}

// sharedBumpers returns a folder in which all sites share the rendered intros and outros, which are the same for every
// site.
func sharedBumpers(t *testing.T) string {
	t.Helper()
	dir := cliptest.Bumpers()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// eventually polls until the condition is true, and fails the test after waitTimeout.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	pollUntil(t, what, condition, time.Second)
}

// atMoment is eventually for a condition that may soon be false again: however long it waits, it goes on to poll often.
func atMoment(t *testing.T, what string, condition func() bool) {
	t.Helper()
	pollUntil(t, what, condition, 250*time.Millisecond)
}

// pollUntil polls with pauses of up to the longest.
func pollUntil(t *testing.T, what string, condition func() bool, longest time.Duration) {
	t.Helper()
	// A long wait asks less and less often, because the requests of many waiting tests slow down what they wait for.
	for began := time.Now(); !condition(); time.Sleep(min(max(time.Since(began)/5, 20*time.Millisecond), longest)) {
		if time.Since(began) > waitTimeout {
			t.Fatalf("not within %s: %s", waitTimeout, what)
		}
	}
}

// waitForReady waits until /readyz answers 200. A check that takes longer than proxies wait is reported as not ready.
func (s *site) waitForReady(t *testing.T) {
	t.Helper()
	eventually(t, "the site is ready", func() bool { return s.get(t, "/readyz", "").Status == http.StatusOK })
}

// logBuffer holds the lines that a process wrote.
type logBuffer struct {
	mu    sync.Mutex
	lines []string
}

func (b *logBuffer) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}
