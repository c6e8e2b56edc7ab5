package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// deploymentStatus is a part of what `app status --json` prints.
type deploymentStatus struct {
	Processes []struct {
		Role string
		Jobs int
	}
	Videos struct{ Waiting, Published int }
	Queue  struct{ Dead int }
}

func (s *site) status(t *testing.T) (now deploymentStatus) {
	t.Helper()
	out, errs, code := s.runApp(t, "status", "--json")
	if code != 0 {
		t.Fatalf("status: exit code %d, %s", code, errs)
	}
	if err := json.Unmarshal([]byte(out), &now); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return now
}

func TestStatusListsWhatRuns(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	ana.waitForFinal(t, ana.upload(t, tinyClip(t), "Canción"))
	now := s.status(t)
	if len(now.Processes) != len(roles()) || now.Videos.Published != 1 || now.Videos.Waiting != 0 {
		t.Errorf("while it runs: %+v", now)
	}
	if last := now.Processes[len(now.Processes)-1]; last.Jobs == 0 || last.Role != roles()[len(roles())-1] {
		t.Errorf("the worker is %+v", last)
	}
	if out, errs, code := s.runApp(t, "doctor"); !strings.Contains(out, "process videos") {
		t.Errorf("doctor: exit code %d, %s%s", code, out, errs)
	}
	s.stop(t)
	if now := s.status(t); len(now.Processes) != 0 {
		t.Errorf("after the stop: %+v", now)
	}
	if out, _, _ := s.runApp(t, "status"); !strings.Contains(out, "nothing runs") {
		t.Errorf("after the stop:\n%s", out)
	}
}

// A migration takes tables away from processes that use them. One that was killed counts until it is missed.
func TestMigrateDownWaitsForProcesses(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	s := startSite(t)
	owner := []string{}
	if s.database != "" {
		owner = append(owner, "DATABASE_URL="+s.database)
	}
	before, _, _ := s.runApp(t, "migrate", "status")
	refused := func() {
		t.Helper()
		_, errs, code := s.runAppWith(t, owner, "migrate", "down", "--yes")
		if code != exitFailure || !strings.Contains(errs, "stop these first: serve on ") {
			t.Errorf("exit code %d, %s", code, errs)
		}
		if after, _, _ := s.runApp(t, "migrate", "status"); after != before {
			t.Errorf("changed from\n%s to\n%s", before, after)
		}
	}
	refused()
	s.kill(t)
	refused()
	s.start(t)
	s.stop(t)
	s.execSQL(t, `DELETE FROM roster_processes`) // of those that were killed
	out, errs, code := s.runAppWith(t, owner, "migrate", "down")
	if code != exitFailure || !strings.Contains(out, "ALTER TABLE media_") || !strings.Contains(out, "Type yes") {
		t.Errorf("the question does not name what goes: exit code %d, %s%s", code, out, errs)
	}
	if out, errs, code := s.runAppWith(t, owner, "migrate", "down", "--yes"); code != 0 {
		t.Errorf("after the stop: exit code %d, %s%s", code, out, errs)
	}
}

// Without workers the site goes on, and everything that an operator may look at says what is missing.
func TestMissingWorkersAreNoticed(t *testing.T) {
	onlyInStage(t, onehost, aws)
	t.Parallel()
	s := newSite(t)
	s.log = &logBuffer{}
	s.startRole(t, "serve")
	degraded := func() bool {
		answer := s.get(t, "/readyz", "").want(t, http.StatusOK, "")
		return strings.Contains(string(answer.Body), `"degraded":["workers"]`)
	}
	if degraded() {
		t.Error("workers are missed at once")
	}
	if out, _, _ := s.runApp(t, "doctor"); !strings.Contains(out, "no worker is alive") {
		t.Errorf("doctor does not tell:\n%s", out)
	}
	eventually(t, "workers are missed", degraded)
	s.said(t, "no worker is alive, so no video is processed; start one: app work")
	s.startRole(t, "work")
	eventually(t, "workers are no longer missed", func() bool { return !degraded() })
	s.said(t, "a worker is alive again")
}

// What keeps a process from serving is named in English, whatever language a browser asks for.
func TestReadinessNamesItsCauseForOperators(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	s := newSite(t)
	s.log = &logBuffer{}
	postgres := startPostgres(t)
	for i, setting := range s.settings {
		if strings.HasPrefix(setting, "DATABASE_URL=") {
			s.settings[i] = "DATABASE_URL=" + postgres.URL
		}
	}
	s.migrate(t)
	s.startRole(t, "serve")
	if err := postgres.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-postgres.exited
	answer := s.get(t, "/readyz", "")
	if answer.Status != http.StatusServiceUnavailable ||
		!strings.Contains(string(answer.Body), "the database does not answer") {
		t.Errorf("/readyz answers %d %s", answer.Status, answer.Body)
	}
}
