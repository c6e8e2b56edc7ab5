package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each of them may be the one that creates the database, its tables and the secret, and all of them use the same ones.
func TestProcessesThatStartAtOnceOnANewFolderAllServe(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	for range 3 {
		s := newSite(t)
		if err := os.Remove(filepath.Join(s.DataDir, "showcase.db")); err != nil {
			t.Fatal(err)
		}
		s.log = &logBuffer{}
		for range 5 {
			cmd := s.command(t, "serve")
			cmd.Env = append(cmd.Env, "HTTP_ADDR=127.0.0.1:0", "LOG_FORMAT=json")
			s.processes = append(s.processes, launchProcess(t, cmd, s.log))
		}
		for _, p := range s.processes {
			p.awaitReady(t)
		}
		s.URL = s.processes[0].URL
		ana := s.newPerson(t, "")
		for _, p := range s.processes {
			s.URL = p.URL
			s.get(t, "/api/auth/me", ana.Token).want(t, http.StatusOK, "")
		}

		_, stderr, code := s.runAppWith(t, []string{"HTTP_ADDR=" + strings.TrimPrefix(s.URL, "http://")}, "serve")
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		last := lines[len(lines)-1]
		if code != 1 || !strings.HasPrefix(last, "app: ") || !strings.Contains(last, "address already in use") ||
			strings.Count(stderr, "app: ") != 1 {
			t.Errorf("one more on the same address exits with %d and says %q", code, stderr)
		}
		if code := s.stop(t); code != 0 {
			t.Errorf("they exit with %d", code)
		}
	}
}
