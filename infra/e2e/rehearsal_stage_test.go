package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

// stagePart is a process of a stage that can be restarted.
type stagePart struct {
	name     string
	isServer bool // not of the app
	isWorker bool
	isDown   bool
	end      func(t *testing.T, byForce bool)
	start    func(t *testing.T) // returns when it answers
}

// startStage starts everything, on addresses that stay the same.
func (r *rehearsal) startStage(t *testing.T) {
	t.Helper()
	env := []string{
		"LOAD_TEST_ENDPOINTS=true", "RATE_LIMITS=false", "UPLOADS_UNPUBLISHED_PER_ACCOUNT=0",
		"UPLOADS_PER_DAY_PER_ACCOUNT=0", "SHUTDOWN_GRACE_SECONDS=5", "TRUSTED_PROXIES=127.0.0.0/8",
	}
	backup := filepath.Join(t.TempDir(), "backup")
	if stage() == embedded {
		r.site = newSite(t)
		r.log = &logBuffer{}
		r.startRole(t, "serve", append(env, fmt.Sprintf("HTTP_ADDR=127.0.0.1:%d", reservePort(t)))...)
		r.shell = []string{"BACKUP=" + backup}
	} else {
		skipIfShort(t)
		postgres, redis := startPostgres(t), startRedis(t)
		r.site = &site{DataDir: t.TempDir()}
		if err := os.Symlink(sharedBumpers(t), filepath.Join(r.DataDir, "bumpers")); err != nil {
			t.Fatal(err)
		}
		r.useServers(postgres.URL, redis.URL)
		owner := []string{"DATABASE_URL=" + postgres.URL, "DATABASE_APP_URL=" + asAppUser(t, postgres.URL)}
		if out, errs, code := r.runAppWith(t, owner, "migrate", "up"); code != 0 {
			t.Fatalf("migrate up: exit code %d\n%s%s", code, out, errs)
		}
		r.useAppUser(t)
		r.startAll(t, env...)
		nginx := startNginx(t, r.site)
		r.URL = nginx.URL
		r.shell = append(owner, "BACKUP="+backup, "FILES_DIR="+filepath.Join(r.DataDir, "files"),
			"PATH="+filepath.Dir(postgres.args[0])+":"+os.Getenv("PATH"))
		r.parts = append(r.parts,
			postgres.part("PostgreSQL", syscall.SIGQUIT), // of its processes, SIGKILL would end only one
			redis.part("Redis", syscall.SIGKILL), nginx.part())
	}
	for i, p := range r.processes {
		r.parts = append(r.parts, r.processPart(p.role(), i))
	}
}

func (r *rehearsal) processPart(role string, i int) *stagePart {
	return &stagePart{
		name: fmt.Sprintf("%s %d", role, i+1), isWorker: role == "work" || stage() == embedded,
		end: func(t *testing.T, byForce bool) {
			t.Helper()
			if byForce {
				r.processes[i].kill(t)
				return
			}
			r.processes[i].signal(t, syscall.SIGTERM)
			r.processes[i].wait(t)
		},
		start: func(t *testing.T) { t.Helper(); r.restart(t, i) },
	}
}

func (s *dedicatedServer) part(name string, force syscall.Signal) *stagePart {
	return &stagePart{
		name: name, isServer: true,
		end: func(t *testing.T, byForce bool) {
			t.Helper()
			signal := syscall.SIGINT
			if byForce {
				signal = force
			}
			if err := s.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			<-s.exited
		},
		start: s.start,
	}
}

func (f *nginxProxy) part() *stagePart {
	return &stagePart{
		name: "nginx", isServer: true,
		end: func(t *testing.T, byForce bool) {
			t.Helper()
			signal, ids := syscall.SIGTERM, []int{f.cmd.Process.Pid}
			if byForce { // the workers would survive their master
				signal, ids = syscall.SIGKILL, append(ids, f.workers(t)...)
			}
			for _, id := range ids {
				if err := syscall.Kill(id, signal); err != nil {
					t.Fatal(err)
				}
			}
			_ = f.cmd.Wait()
		},
		start: func(t *testing.T) {
			t.Helper()
			old := f.cmd
			f.cmd = exec.Command(old.Args[0], old.Args[1:]...)
			f.cmd.Stdout, f.cmd.Stderr = old.Stdout, old.Stderr
			if err := f.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "nginx answers", func() bool { return f.answers() != 0 })
		},
	}
}

// follow runs the commands for the stage under this heading of infra/BACKUP.md.
func (r *rehearsal) follow(t *testing.T, heading string) {
	t.Helper()
	app := r.command(t)
	bin := t.TempDir()
	if err := os.Symlink(app.Path, filepath.Join(bin, "app")); err != nil {
		t.Fatal(err)
	}
	follow(t, "../BACKUP.md", stage()+": "+heading, bin, append(app.Env, r.shell...))
}

// follow runs the commands under a heading of a page, which stands in a comment above them, in the folder of the test;
// programs in the folder bin come first. It returns what they print.
func follow(t *testing.T, page, heading, bin string, env []string) string {
	t.Helper()
	block := regexp.MustCompile(`(?s)<!-- ` + heading + " -->\n```sh\n(.*?)```").FindStringSubmatch(readFile(t, page))
	if block == nil {
		t.Fatalf("%s does not say how to %s", page, heading)
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", `PATH="$1:$PATH"`+"\n"+block[1], "bash", bin)
	cmd.Env = env
	cmd.Dir = bin
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", heading, err, out)
	}
	return string(out)
}
