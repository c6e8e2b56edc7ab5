package e2e

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an operator may get wrong ends in one line that names the variable, and shows no password.
func TestTroubleAtTheStartIsOneLine(t *testing.T) {
	only(t, onehost)
	t.Parallel()
	s := newSite(t)
	wrong, err := url.Parse(s.database)
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword("postgres", "hunter2")
	nobody := fmt.Sprintf("127.0.0.1:%d", lowPort(t))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	// Root may write into any folder, but nobody makes one below a file.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		setting, variable string
		roles             []string
	}{
		"database unreachable":   {"DATABASE_URL=postgres://ana:hunter2@" + nobody + "/x", "DATABASE_URL", []string{"serve", "work"}},
		"database unknown":       {"DATABASE_URL=" + onDatabase(t, s.database, "none"), "DATABASE_URL", []string{"serve"}},
		"wrong password":         {"DATABASE_URL=" + wrong.String(), "DATABASE_URL", []string{"serve", "work"}},
		"redis unreachable":      {"REDIS_URL=redis://ana:hunter2@" + nobody, "REDIS_URL", []string{"serve", "work"}},
		"storage not writable":   {"DATA_DIR=" + file, "DATA_DIR", []string{"serve", "work"}},
		"port taken":             {"HTTP_ADDR=" + taken.Addr().String(), "HTTP_ADDR", []string{"serve"}},
		"port of a worker taken": {"WORKER_HTTP_ADDR=" + taken.Addr().String(), "WORKER_HTTP_ADDR", []string{"work"}},
	} {
		for _, role := range c.roles {
			_, errs, code := s.appWith(t, []string{"HTTP_ADDR=127.0.0.1:0", "LOG_LEVEL=error", c.setting}, role)
			t.Logf("%s, %s: %s", name, role, errs)
			if code != exitFailure || !strings.HasPrefix(errs, "app: ") || strings.Count(errs, "\n") != 1 ||
				!strings.Contains(errs, c.variable) || strings.Contains(errs, "hunter2") {
				t.Errorf("%s, %s: exit code %d, want %d and one line that names %s:\n%s", name, role, code, exitFailure, c.variable, errs)
			}
		}
	}
}
