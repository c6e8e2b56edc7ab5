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

// A start that fails because of a wrong setting ends in one line that names the variable and contains no password.
func TestStartFailureIsOneLine(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	s := newSite(t)
	wrong, err := url.Parse(s.database)
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword("postgres", "hunter2")
	unreachable := fmt.Sprintf("127.0.0.1:%d", reservePort(t))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	inUse := listener.Addr().String()
	// Root may write into any folder, but even root cannot create one below a file.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	both, unknown := []string{"serve", "work"}, databaseURL(t, s.database, "none")
	for name, c := range map[string]struct {
		setting, variable string
		roles             []string
	}{
		"database unreachable": {"DATABASE_URL=postgres://ana:hunter2@" + unreachable + "/x", "DATABASE_URL", both},
		"database unknown":     {"DATABASE_URL=" + unknown, "DATABASE_URL", []string{"serve"}},
		"wrong password":       {"DATABASE_URL=" + wrong.String(), "DATABASE_URL", both},
		"redis unreachable":    {"REDIS_URL=redis://ana:hunter2@" + unreachable, "REDIS_URL", both},
		"storage not writable": {"DATA_DIR=" + file, "DATA_DIR", both},
		"port in use":          {"HTTP_ADDR=" + inUse, "HTTP_ADDR", []string{"serve"}},
		"worker's port in use": {"WORKER_HTTP_ADDR=" + inUse, "WORKER_HTTP_ADDR", []string{"work"}},
	} {
		for _, role := range c.roles {
			_, errs, code := s.runAppWith(t, []string{"HTTP_ADDR=127.0.0.1:0", "LOG_LEVEL=error", c.setting}, role)
			t.Logf("%s, %s: %s", name, role, errs)
			if code != exitFailure || !strings.HasPrefix(errs, "app: ") || strings.Count(errs, "\n") != 1 ||
				!strings.Contains(errs, c.variable) || strings.Contains(errs, "hunter2") {
				t.Errorf("%s, %s: exit code %d, want %d and one line that names %s:\n%s",
					name, role, code, exitFailure, c.variable, errs)
			}
		}
	}
}
