package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// startFleet starts a site of two serve and two work processes behind nginx.
func startFleet(t *testing.T, env ...string) *site {
	t.Helper()
	s := newSite(t)
	s.startAll(t, append([]string{"TRUSTED_PROXIES=127.0.0.0/8"}, env...)...)
	s.URL = startNginx(t, s).URL
	return s
}

// startAll starts two serve and two work processes, on ports that they can use again after a restart.
func (s *site) startAll(t *testing.T, env ...string) {
	t.Helper()
	s.log, s.processes = &logBuffer{}, nil
	for _, role := range []string{"serve", "serve", "work", "work"} {
		s.startRole(t, role, append([]string{fmt.Sprintf("HTTP_ADDR=127.0.0.1:%d", reservePort(t))}, env...)...)
	}
}

// restart starts a process that has exited again, with the same settings.
func (s *site) restart(t *testing.T, i int) {
	t.Helper()
	old := s.processes[i]
	cmd := s.command(t, old.role())
	cmd.Env = old.cmd.Env
	s.processes[i] = startProcess(t, cmd, s.log)
}

// All processes share an account's rate limit: once one serve process refuses guesses, the other one refuses them as
// well.
func TestAccountLimitIsSharedByAllProcesses(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	s := newSite(t)
	s.log = &logBuffer{}
	one, two := s.startRole(t, "serve").URL, s.startRole(t, "serve").URL
	guess := func(url string) (refused bool) {
		a := s.post(t, url+"/api/auth/login", "", map[string]string{"email": "ana@example.com", "password": "guess"})
		return a.Status == http.StatusTooManyRequests
	}
	const burst = 5 // guesses of an account from one network, see modules/identity/budgets.go
	passed := 0
	for ; !guess(one); passed++ {
		if passed == 10*burst {
			t.Fatalf("%d guesses pass", passed)
		}
	}
	if passed < burst {
		t.Errorf("only %d guesses pass", passed)
	}
	// The bucket refills by one guess a minute, and each process counts alone while Redis is slow, so a guess passes
	// now and then. If the other process always counted for itself, all of these would pass.
	for range burst {
		if guess(two) {
			return
		}
		for range burst {
			if guess(one) {
				break
			}
		}
	}
	t.Error("the other process lets guesses pass")
}

func TestStartIsRefusedWhenTheDatabaseIsBehind(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	s := &site{DataDir: t.TempDir()}
	s.useSuiteServers(t, newDatabase(t, "template1"))
	for _, role := range []string{"serve", "work"} {
		_, errs, code := s.runApp(t, role)
		if code != exitFailure || !strings.HasPrefix(errs, "app: ") || strings.Count(errs, "\n") != 1 ||
			!strings.Contains(errs, "run: app migrate up") {
			t.Errorf("%s: exit code %d, %q", role, code, errs)
		}
	}

	// Two migrations at once both succeed, and every migration is applied once.
	results := make(chan string, 2)
	for range 2 {
		go func() {
			out, errs, code := s.runApp(t, "migrate", "up")
			if code != 0 || strings.Contains(out, "pending") {
				results <- fmt.Sprintf("exit code %d: %s%s", code, out, errs)
				return
			}
			results <- ""
		}()
	}
	for range 2 {
		if problem := <-results; problem != "" {
			t.Error(problem)
		}
	}
	if n := s.queryInt(t, `SELECT COUNT(*) - COUNT(DISTINCT version_id) AS n FROM media_goose_version`); n != 0 {
		t.Errorf("%d migrations are recorded twice", n)
	}

	before, _, _ := s.runApp(t, "migrate", "status")
	out, errs, code := s.runApp(t, "migrate", "down")
	if code != exitFailure || !strings.Contains(errs, "nothing was changed") || !strings.Contains(out, "Type yes") {
		t.Errorf("down without an answer: exit code %d, %q, %q", code, out, errs)
	}
	if after, _, _ := s.runApp(t, "migrate", "status"); after != before {
		t.Errorf("without an answer the database changed from\n%s to\n%s", before, after)
	}
	out, errs, code = s.runApp(t, "migrate", "down", "--yes")
	if code != 0 || strings.Count(out, "pending") != 1 {
		t.Errorf("down --yes: exit code %d\n%s%s", code, out, errs)
	}
	if _, errs, code := s.runApp(t, "serve"); code != exitFailure || !strings.Contains(errs, "run: app migrate up") {
		t.Errorf("serve after down: exit code %d, %q", code, errs)
	}
	s.migrate(t)
	// During a rollout, or after a rollback, the old binary meets the migrations of the next release, and starts.
	s.execSQL(t, `INSERT INTO media_goose_version (version_id, is_applied) VALUES (9999, TRUE)`)
	s.start(t)
	s.waitForReady(t)
}
