package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	for _, p := range s.processes { // each at an address of its own
		metrics := string(s.get(t, p.URL+"/metrics", "").want(t, http.StatusOK, "").Body)
		if !strings.Contains(metrics, fmt.Sprintf("role=%q", p.role())) {
			t.Errorf("the metrics of %s do not say so", p.role())
		}
		if worker := p == s.processes[len(s.processes)-1]; worker !=
			strings.Contains(metrics, "media_tool_cpu_seconds_count{") {
			t.Errorf("%s has measured ffmpeg: %v", p.role(), !worker)
		}
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
	if code != exitFailure || !strings.Contains(out, "TABLE webhooks_") || !strings.Contains(out, "Type yes") {
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

// Commands that look leave a folder as it is in which a service has worked, whether it runs or not.
func TestLookingLeavesAUsedFolderAsItIs(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	ana.waitForFinal(t, ana.upload(t, tinyClip(t), "Canción"))
	names := func() (found []string) {
		t.Helper()
		err := filepath.WalkDir(s.DataDir, func(path string, entry os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				found = append(found, fmt.Sprintf("%s %s %d", path, info.Mode(), info.Sys().(*syscall.Stat_t).Uid))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, state := range []string{"running", "stopped"} {
		if state == "stopped" {
			s.stop(t)
		}
		before := names()
		for _, command := range []string{
			"doctor", "status", "config", "queue dead", "migrate status", "branding", "storage check",
			"rebrand --dry-run",
		} {
			if _, errs, code := s.runApp(t, strings.Fields(command)...); code != 0 {
				t.Errorf("%s, %s: exit code %d, %s", state, command, code, errs)
			}
			if diff := cmp.Diff(before, names()); diff != "" {
				t.Errorf("%s, %s changes (- before, + after)\n%s", state, command, diff)
			}
		}
	}
}

// A published file that is gone is told to its owner, to visitors and to the operator, who makes it again.
func TestAPublishedFileThatIsGoneIsTold(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	ana := s.newPerson(t, "")
	id := ana.upload(t, tinyClip(t), "Canción")
	ana.waitForFinal(t, id)
	s.stop(t)
	files := s.storedFiles(t)
	rendition := slices.IndexFunc(files, func(file string) bool {
		return strings.HasPrefix(file, "processed/") && strings.HasSuffix(file, ".mp4")
	})
	if err := os.Remove(filepath.Join(s.DataDir, "files", files[rendition])); err != nil {
		t.Fatal(err)
	}
	s.start(t) // the first round through storage begins at once
	const mark = `"files_missing":true`
	eventually(t, "the owner is told", func() bool {
		return strings.Contains(string(s.get(t, "/api/videos/"+id, ana.Token).Body), mark)
	})
	eventually(t, "visitors are told", func() bool {
		return strings.Contains(string(s.get(t, "/api/public/videos/"+id, "").Body), mark)
	})
	if metrics := s.get(t, "/metrics", ""); !strings.Contains(string(metrics.Body), "media_videos_missing_files 1") {
		t.Error("the metrics do not tell")
	}
	for _, command := range []string{"doctor", "status", "storage check"} {
		if out, _, _ := s.runApp(t, strings.Fields(command)...); !strings.Contains(out, "storage check") &&
			!strings.Contains(out, id) {
			t.Errorf("%s does not tell:\n%s", command, out)
		}
	}
	s.said(t, "published files are gone; app reprocess makes them again from their originals")
	if _, errs, code := s.runApp(t, "reprocess", "--missing"); code != 0 {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	eventually(t, "it is made again", func() bool {
		return !strings.Contains(string(s.get(t, "/api/videos/"+id, ana.Token).Body), mark)
	})
	eventually(t, "visitors see it", func() bool {
		return !strings.Contains(string(s.get(t, "/api/public/videos/"+id, "").Body), mark)
	})
	s.get(t, ana.video(t, id).ProcessedURL, "").want(t, http.StatusOK, "")
}
