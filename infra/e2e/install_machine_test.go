package e2e

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"risingstars/infra/cliptest"
	"risingstars/platform/disk/disktest"
)

// unitsctl stands for systemd's systemctl in the folder $ROOT: it runs what the units that are installed there say, as
// their user, with $ROOT before each path.
const unitsctl = `#!/bin/bash
set -eu
units=$ROOT/etc/systemd/system pids=$ROOT/run/units
mkdir -p "$pids"
echo "systemctl $*" >>"$pids/calls"
verb=$1 name= now=
shift
for word in "$@"; do
	case $word in
	--now) now=yes ;;
	-*) ;;
	*) name=${word%.service} ;;
	esac
done
values() { sed -n "s/^$1=//p" "$units/$name.service" | sed -E "s#(^-?|[= ])/(usr|etc|var)/#\1$ROOT/\2/#g"; }
# become COMMAND is the last thing that a process does. It holds neither the caller's output nor its lock.
become() {
	cd "$ROOT/var/lib/showcase"
	exec 9>&- >>"$pids/$name.log" 2>&1 </dev/null
	as=()
	if [[ $EUID -eq 0 ]]; then as=(setpriv "--reuid=$(stat -c %u .)" "--regid=$(stat -c %g .)" --clear-groups); fi
	file=$(values EnvironmentFile)
	env=()
	while read -r pair; do env+=("$pair"); export "${pair?}"; done < <(
		values Environment
		if [[ -e ${file#-} ]]; then grep -v '^#' "${file#-}"; fi
	)
	eval "exec \"\${as[@]}\" env -i PATH='$PATH' \"\${env[@]}\" $1"
}
# supervise starts it again for as long as it fails, but not after RestartPreventExitStatus.
supervise() {
	exec 9>&- >>"$pids/$name.log" 2>&1 </dev/null
	while [[ ! -e $pids/$name.stop ]]; do
		code=0
		(become "$(values ExecStart)") &
		echo $! >"$pids/$name"
		wait $! || code=$?
		if [[ $code == 0 ]]; then return; fi
		if [[ $code == "$(values RestartPreventExitStatus)" ]]; then touch "$pids/$name.failed"; return; fi
		echo >>"$pids/$name.restarts"
		sleep 0.5
	done
}
runs() { [[ -e $pids/$name.supervisor ]] && kill -0 "$(cat "$pids/$name.supervisor")" 2>/dev/null; }
stop() {
	touch "$pids/$name.stop"
	if [[ -e $pids/$name ]]; then kill -TERM "$(cat "$pids/$name")" 2>/dev/null || true; fi
	while runs; do sleep 0.05; done
	rm -f "$pids/$name.stop" "$pids/$name"
}
start() {
	[[ $name != *.timer ]] || return 0
	if [[ $(values Type) == oneshot ]]; then (become "$(values ExecStart)"); return; fi
	if runs; then return; fi
	stop
	rm -f "$pids/$name.failed"
	before=$(values ExecStartPre)
	(become "${before#-}") || true
	supervise &
	echo $! >"$pids/$name.supervisor"
}
case $verb in
daemon-reload) ;;
enable) touch "$pids/$name.enabled"; if [[ -n $now ]]; then start; fi ;;
is-failed) [[ -e $pids/$name.failed ]] ;;
reset-failed) rm -f "$pids/$name.failed" "$pids/$name.restarts" ;; # systemd keeps the number over a stop
show) cat "$pids/$name.restarts" 2>/dev/null | wc -l ;;
is-enabled) [[ -e $pids/$name.enabled ]] ;;
start) start ;;
restart) stop; start ;;
stop)
	stop
	if [[ -e $pids/on-stop ]]; then "$pids/on-stop"; fi
	;;
*) exit 1 ;;
esac
`

// machine is a folder that stands for a rented machine.
type machine struct {
	*site
	root, releases string
	env            []string
	health         string // the app's address
}

// newMachine returns one on which nothing is installed. What needs the internet and real ports is left out: the app
// serves an address of its own.
func newMachine(t *testing.T) *machine {
	t.Helper()
	onlyInStage(t, embedded)
	skipIfShort(t)
	if runtime.GOOS != "linux" {
		t.Skip("systemd is for Linux")
	}
	m := &machine{root: t.TempDir(), releases: t.TempDir(), health: fmt.Sprintf("127.0.0.1:%d", reservePort(t))}
	m.site = &site{DataDir: filepath.Join(m.root, "var/lib/showcase"), log: &logBuffer{}, URL: "http://" + m.health}
	for _, dir := range []string{filepath.Join(m.root, "sbin"), m.DataDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(sharedBumpers(t), filepath.Join(m.DataDir, "bumpers")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.root, "sbin/systemctl"), []byte(unitsctl), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // the service's user passes through
		for dir := m.root; dir != "/tmp" && dir != filepath.Dir(os.TempDir()); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o711); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Chmod(sharedBumpers(t), 0o777), os.Chmod(cliptest.Dir(), 0o711)); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Where others may not pass through, go has built the test.
	if err := os.WriteFile(filepath.Join(m.root, "sbin/program"), []byte(readFile(t, self)), 0o755); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("PATH=%s/sbin:%[1]s/usr/local/bin:%s:/usr/sbin:/sbin", m.root, os.Getenv("PATH"))
	m.env = []string{"ROOT=" + m.root, path, "HOME=" + m.root, "TMPDIR=" + os.TempDir(), "READY_SECONDS=60"}
	t.Cleanup(func() {
		if out, err := m.run("systemctl", "stop", "showcase"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(m.root, "run/units/showcase.log"))
			t.Logf("the log (%v):\n%s", err, log)
		}
	})
	return m
}

// useSmallDisk puts the data folder on a file system of its own, which is not in use any more once stop is called.
func (m *machine) useSmallDisk(t *testing.T) (stop func()) {
	t.Helper()
	room := disktest.Mount(t, 128<<20)
	err := os.Rename(filepath.Join(m.DataDir, "bumpers"), filepath.Join(m.root, "bumpers"))
	if err == nil {
		err = os.Remove(m.DataDir)
	}
	if err == nil {
		err = os.Symlink(room, m.DataDir)
	}
	if err == nil {
		err = os.Symlink(filepath.Join(m.root, "bumpers"), filepath.Join(m.DataDir, "bumpers"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() { _, _ = m.run("systemctl", "stop", "showcase") }
}

// release makes one, whose binary does what the app does, but for the lines of shell in front of it. $1 is the command.
func (m *machine) release(t *testing.T, version, instead string) (folder string) {
	t.Helper()
	folder = filepath.Join(m.releases, version)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := fmt.Sprintf("#!/bin/bash\n# %s\nexport %s=1 HTTP_ADDR=%s DOMAIN= LOG_FORMAT=json MEDIA_SMALL=false\n"+
		"export TMPDIR=/tmp SHUTDOWN_GRACE_SECONDS=2\n%s\nexec %s/sbin/program \"$@\"\n",
		version, asApp, m.health, instead, m.root)
	name := fmt.Sprintf("showcase-%s-linux-%s", version, runtime.GOARCH)
	files := map[string]string{name: binary, name + ".cdx.json": "{}", "install.sh": readFile(t, "../install.sh")}
	for _, unit := range []string{"showcase.service", "showcase-backup.service", "showcase-backup.timer"} {
		files[unit] = readFile(t, "../systemd/"+unit)
	}
	sums := ""
	for file, content := range files {
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(content)), file)
	}
	files["SHA256SUMS"] = sums
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func (m *machine) run(command string, args ...string) (string, error) {
	cmd := exec.Command("bash", append([]string{"-c", `exec "$0" "$@"`, command}, args...)...)
	cmd.Env, cmd.Dir = m.env, m.root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// install runs the script of a release, which must say so.
func (m *machine) install(t *testing.T, from string, fails bool, says string, args ...string) {
	t.Helper()
	out, err := m.run("bash", append([]string{filepath.Join(from, "install.sh"), "--from", from}, args...)...)
	if (err != nil) != fails || !strings.Contains(out, says) {
		t.Fatalf("install.sh: %v\n%s", err, out)
	}
}

// await waits until the service answers.
func (m *machine) await(t *testing.T) {
	t.Helper()
	eventually(t, "the service is ready", func() bool { _, err := m.run("showcase", "healthcheck"); return err == nil })
}

// runs returns which version's binary is installed, and fails the test unless the service is ready.
func (m *machine) runs(t *testing.T) (version string) {
	t.Helper()
	m.await(t)
	return strings.TrimPrefix(strings.Split(readFile(t, filepath.Join(m.root, "usr/local/bin/app")), "\n")[1], "# ")
}

func (m *machine) wantPeople(t *testing.T, emails ...string) {
	t.Helper()
	for _, email := range emails {
		m.login(t, email, password).want(t, 200, "")
	}
}
