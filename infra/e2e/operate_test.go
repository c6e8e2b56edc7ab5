package e2e

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// systemctl stands for systemd's: it runs the app for the units of infra/OPERATE.md.
const systemctl = `#!/bin/bash
set -eu
for unit in $UNITS; do
	[[ $unit == $2 ]] || continue
	pid=$ROOM/$unit.pid
	if [[ $1 != start && -e $pid ]]; then
		kill -TERM "$(cat "$pid")"
		while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.05; done
		rm "$pid"
	fi
	[[ $1 != stop ]] || continue
	role=serve
	case $unit in
	*-work@*) role=work ;;
	*-serve@*) export HTTP_ADDR=127.0.0.1:${unit#*@} ;;
	esac
	"$APP" "$role" </dev/null >>"$ROOM/log" 2>&1 &
	echo $! >"$pid"
done
`

// host is a machine on which the app is installed as infra/OPERATE.md says.
type host struct {
	*site
	room, app string
	env       []string
}

func newHost(t *testing.T, units string, env ...string) *host {
	t.Helper()
	h := installHost(t, newSite(t), units, env...)
	h.systemctl(t, "start")
	return h
}

// installHost returns a host on which no unit runs yet.
func installHost(t *testing.T, s *site, units string, env ...string) *host {
	t.Helper()
	h := &host{site: s, room: t.TempDir()}
	h.app = filepath.Join(h.room, "installed")
	command := s.command(t)
	for path, content := range map[string]string{
		h.app: readFile(t, command.Path), filepath.Join(h.room, "systemctl"): systemctl,
	} {
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.env = append(command.Env, "LOG_FORMAT=json", "APP="+h.app, "NEW="+command.Path, "ROOM="+h.room, "UNITS="+units)
	h.env = append(append(h.env, "SITE="+h.room), env...)
	t.Cleanup(func() {
		h.systemctl(t, "stop")
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(h.room, "log"))
			t.Logf("the log (%v):\n%s", err, log)
		}
	})
	return h
}

func (h *host) systemctl(t *testing.T, verb string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(h.room, "systemctl"), verb, "*")
	cmd.Env = h.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func (h *host) follow(t *testing.T, heading string, env ...string) string {
	t.Helper()
	return follow(t, "../OPERATE.md", heading, h.room, append(h.env, env...))
}

// await waits until the app is ready at an address.
func (h *host) await(t *testing.T, address string) {
	t.Helper()
	h.URL = "http://" + address
	eventually(t, "the app is ready at "+address, func() bool {
		_, _, code := h.runAppWith(t, []string{"HTTP_ADDR=" + address}, "healthcheck")
		return code == 0
	})
}

// pids returns the processes of all units.
func (h *host) pids(t *testing.T) (pids []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.room, "*.pid"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		pids = append(pids, strings.TrimSpace(readFile(t, file)))
	}
	return pids
}

func TestTheEmbeddedStageIsUpgradedAndMovedByThePage(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	address := fmt.Sprintf("127.0.0.1:%d", reservePort(t))
	h := newHost(t, "showcase", "HTTP_ADDR="+address)
	h.await(t, address)
	ana := h.newPerson(t, "")
	id := ana.upload(t, tinyClip(t), "Canción")
	ana.waitForFinal(t, id)
	for _, heading := range []string{"upgrade", "go back"} {
		before := h.pids(t)
		out := h.follow(t, embedded+": "+heading)
		if after := h.pids(t); len(after) != 1 || after[0] == before[0] {
			t.Errorf("after the %s, %v runs, before %v:\n%s", heading, after, before, out)
		}
		if heading == "upgrade" { // as if the new one had a migration that the old one does not know
			h.execSQL(t, `INSERT INTO media_goose_version (version_id, is_applied) VALUES (9999, TRUE)`)
		}
		if pid := h.pids(t)[0]; heading == "upgrade" && !strings.Contains(out, pid) {
			t.Errorf("the status does not name process %s:\n%s", pid, out)
		}
		h.get(t, ana.video(t, id).ProcessedURL, "").want(t, 200, "")
	}

	there := &site{DataDir: filepath.Join(t.TempDir(), "data"), log: &logBuffer{}}
	pid, err := strconv.Atoi(h.pids(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	h.follow(t, embedded+": move", "DATA_DIR="+h.DataDir, "TO="+there.DataDir)
	if syscall.Kill(pid, 0) == nil {
		t.Error("the old one still runs")
	}
	if out, errs, code := there.runApp(t, "storage", "check", "--grace=0s"); code != 0 {
		t.Errorf("the move lost something: %s%s", out, errs)
	}
	there.startRole(t, "serve")
	there.login(t, ana.Email, password).want(t, 200, "")
	ana.site = there
	there.get(t, ana.video(t, id).ProcessedURL, "").want(t, 200, "")
}

func TestOneHostIsUpgradedByThePage(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	ports := []int{reservePort(t), reservePort(t)}
	units := fmt.Sprintf("showcase-serve@%d showcase-serve@%d showcase-work@1", ports[0], ports[1])
	h := newHost(t, units)
	for _, port := range ports {
		h.await(t, fmt.Sprintf("127.0.0.1:%d", port))
	}
	before := h.pids(t)
	h.follow(t, onehost+": upgrade", "OWNER_URL="+h.database, fmt.Sprintf("PORTS=%d %d", ports[0], ports[1]))
	after := h.pids(t)
	for i, pid := range after {
		if pid == before[i] {
			t.Errorf("process %s was not restarted", pid)
		}
		eventually(t, "the status names process "+pid, func() bool {
			out, _, _ := h.runApp(t, "status")
			return strings.Contains(out, " "+pid+" ")
		})
	}
}

// The secrets of the containers are filled in by the page's command; the app accepts the file.
func TestSecretsAreFilledInByThePage(t *testing.T) {
	onlyInStage(t, embedded)
	skipIfShort(t)
	t.Parallel()
	folder := t.TempDir()
	example := []byte(readFile(t, "../../.env.example"))
	if err := os.WriteFile(filepath.Join(folder, ".env.example"), example, 0o600); err != nil {
		t.Fatal(err)
	}
	follow(t, "../docker/README.md", "containers: secrets", folder, []string{"PATH=" + os.Getenv("PATH")})
	seen := map[string]bool{}
	for line := range strings.Lines(readFile(t, filepath.Join(folder, ".env"))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			if len(value) != 64 || seen[value] {
				t.Errorf("%s has the value %q", name, value)
			}
			seen[value] = true
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d secrets", len(seen))
	}
	s := newSiteWithoutServers(t)
	file := []string{"ENV_FILE=" + filepath.Join(folder, ".env")}
	if out, errs, code := s.runAppWith(t, file, "config"); code != 0 || strings.Contains(out, "warning") {
		t.Errorf("config: exit code %d, %s%s", code, out, errs)
	}
}

// On a machine with nothing but empty servers, the page's commands lead to a site that people use.
func TestOneHostIsSetUpByThePage(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	ports := []int{reservePort(t), reservePort(t)}
	admin, redis := serverURL(t, "TEST_POSTGRES_URL"), serverURL(t, "TEST_REDIS_URL")
	redis = fmt.Sprintf("%s/%d", redis, redisDatabases.Add(1))
	at, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	name := "new_" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		execAsAdmin(t, admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		execAsAdmin(t, admin, "DROP ROLE IF EXISTS "+name+"_app")
		execAsAdmin(t, admin, "DROP ROLE IF EXISTS "+name)
	})
	h := installHost(t, newSiteWithoutServers(t),
		fmt.Sprintf("showcase-serve@%d showcase-serve@%d showcase-work@1", ports[0], ports[1]),
		"SHUTDOWN_DRAIN_SECONDS=0")
	h.env = append(h.env, "ENV_FILE="+filepath.Join(h.room, ".env"))
	if err := os.WriteFile(filepath.Join(h.room, ".env"), nil, 0o600); err != nil { // of the unit's first look
		t.Fatal(err)
	}
	out := h.follow(t, onehost+": start", "ADMIN_URL="+admin, "DATABASE_AT="+at.Host, "NAME="+name, "REDIS_URL="+redis,
		fmt.Sprintf("PORTS=%d %d", ports[0], ports[1]))
	if !strings.Contains(out, "ready") && !strings.Contains(out, "ok") {
		t.Errorf("doctor prints\n%s", out)
	}
	h.settings = []string{"ENV_FILE=" + filepath.Join(h.room, ".env")}
	h.await(t, fmt.Sprintf("127.0.0.1:%d", ports[1]))
	ana := h.newPerson(t, "")
	if v := ana.waitForFinal(t, ana.upload(t, tinyClip(t), "Canción")); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	info, err := os.Stat(filepath.Join(h.room, "owner_url"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the owner's address is for others: %v (%v)", info, err)
	}
}
