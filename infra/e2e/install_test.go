package e2e

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"risingstars/infra/cliptest"
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
# supervise starts it again for as long as it fails.
supervise() {
	exec 9>&- >>"$pids/$name.log" 2>&1 </dev/null
	while [[ ! -e $pids/$name.stop ]]; do
		(become "$(values ExecStart)") &
		echo $! >"$pids/$name"
		if wait $!; then return; fi
		echo >>"$pids/$name.restarts"
		sleep 0.5
	done
}
runs() { [[ -e $pids/$name.supervisor ]] && kill -0 "$(cat "$pids/$name.supervisor")" 2>/dev/null; }
stop() {
	touch "$pids/$name.stop"
	if [[ -e $pids/$name ]]; then kill -TERM "$(cat "$pids/$name")" 2>/dev/null || true; fi
	while runs; do sleep 0.05; done
	rm -f "$pids/$name.stop" "$pids/$name.restarts" "$pids/$name"
}
start() {
	[[ $name != *.timer ]] || return 0
	if [[ $(values Type) == oneshot ]]; then (become "$(values ExecStart)"); return; fi
	if runs; then return; fi
	stop
	before=$(values ExecStartPre)
	(become "${before#-}") || true
	supervise &
	echo $! >"$pids/$name.supervisor"
}
case $verb in
daemon-reload) ;;
enable) touch "$pids/$name.enabled"; if [[ -n $now ]]; then start; fi ;;
is-failed) exit 1 ;;
show) cat "$pids/$name.restarts" 2>/dev/null | wc -l ;;
is-enabled) [[ -e $pids/$name.enabled ]] ;;
start) start ;;
stop) stop ;;
restart) stop; start ;;
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

// The script installs, may be repeated, changes nothing that is not asked for, and updates.
func TestInstallingAgainAndUpdating(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	one := m.release(t, "1.0.0", "")
	m.install(t, one, false, "it runs", "--domain", "contest.example.org", "--email", "ana@example.org")
	if v := m.runs(t); v != "1.0.0" {
		t.Errorf("%s runs", v)
	}
	ana := m.newPerson(t, "")
	settings := filepath.Join(m.root, "etc/showcase/env")
	for path, mode := range map[string]os.FileMode{settings: 0o640, m.DataDir: 0o750} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v (%v)", path, info.Mode(), err)
		}
	}
	if out, err := m.run("showcase", "config"); err != nil {
		t.Errorf("showcase config: %v\n%s", err, out)
	}
	text := readFile(t, settings)
	if !strings.Contains(text, "DOMAIN=contest.example.org\nACME_EMAIL=ana@example.org\n") {
		t.Errorf("the settings are\n%s", text)
	}
	pid := readFile(t, filepath.Join(m.root, "run/units/showcase"))
	m.install(t, one, false, "nothing has changed")
	if again := readFile(t, filepath.Join(m.root, "run/units/showcase")); again != pid {
		t.Errorf("repeated, it restarts: %s, then %s", pid, again)
	}
	if got := readFile(t, settings); got != text {
		t.Errorf("repeated, it changes the settings to\n%s", got)
	}
	if err := os.WriteFile(settings, []byte(text+"MEDIA_AUDIO=remove\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	m.install(t, one, false, "it is restarted", "--domain", "b.example.org")
	if got := readFile(t, settings); strings.Count(got, "DOMAIN=") != 1 ||
		!strings.Contains(got, "DOMAIN=b.example.org\n") || !strings.Contains(got, "MEDIA_AUDIO=remove\n") {
		t.Errorf("the settings are\n%s", got)
	}
	m.install(t, m.release(t, "1.1.0", ""), false, "updating to showcase-1.1.0")
	if v := m.runs(t); v != "1.1.0" {
		t.Errorf("%s runs", v)
	}
	if !strings.Contains(readFile(t, filepath.Join(m.root, "usr/local/bin/app.old")), "# 1.0.0") {
		t.Error("the last binary is not kept")
	}
	m.wantPeople(t, ana.Email)
}

// Whatever is wrong with a new version, the old one runs afterwards, and nobody is lost.
func TestABadUpdateIsRolledBack(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, "READY_SECONDS=40")
	m.install(t, m.release(t, "1.0.0", ""), false, "it runs")
	people := []string{m.newPerson(t, "").Email}
	rows := filepath.Join(m.DataDir, "showcase.db")
	for n, c := range []struct{ name, instead, says string }{
		{"ends at once", `[[ $1 != serve ]] || exit 1`, "the old version runs again, on the newer database"},
		{"is no program for this machine", `exec /nothing/of/the/kind`, "the database cannot be migrated"},
		{"cannot migrate", `[[ $1 != migrate ]] || { echo "no such column"; exit 1; }`, "no such column"},
		{"is never ready", `[[ $1 != serve ]] || exec sleep 60`, "the old version runs again, on the newer database"},
		{
			"migrates to what the old one cannot read",
			`if [[ $1 == migrate ]]; then
				rm -f "` + rows + `"*
				echo "a newer kind of database" >"` + rows + `"
				exit
			fi
			[[ $1 != serve ]] || exit 1`,
			"with the database of before the update",
		},
	} {
		m.install(t, m.release(t, fmt.Sprintf("1.%d.0", n+1), c.instead), true, c.says)
		if v := m.runs(t); v != "1.0.0" {
			t.Errorf("a version that %s: %s runs", c.name, v)
		}
		m.wantPeople(t, people...)
		people = append(people, m.newPerson(t, "").Email)
	}
	after, err := filepath.Glob(filepath.Join(m.DataDir, "after-update-*/showcase.db"))
	if err != nil || len(after) != 1 || readFile(t, after[0]) != "a newer kind of database\n" {
		t.Errorf("the newer database is lost: %v (%v)", after, err)
	}

	tampered := m.release(t, "2.0.0", "")
	name := filepath.Join(tampered, "showcase-2.0.0-linux-"+runtime.GOARCH)
	if err := os.WriteFile(name, []byte(readFile(t, name)+"# and more\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	pid := readFile(t, filepath.Join(m.root, "run/units/showcase"))
	m.install(t, tampered, true, "is not what SHA256SUMS says; nothing was changed")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	m.install(t, tampered, true, "has no showcase-2.0.0-linux-")
	tampered = m.release(t, "2.0.0", "")
	if err := os.WriteFile(filepath.Join(tampered, "showcase.service"), []byte("[Service]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.install(t, tampered, true, "showcase.service is not what SHA256SUMS says")
	if again := readFile(t, filepath.Join(m.root, "run/units/showcase")); again != pid {
		t.Error("a refused update restarts the service")
	}
	m.install(t, m.release(t, "1.9.0", ""), false, "it runs")
	if v := m.runs(t); v != "1.9.0" {
		t.Errorf("%s runs", v)
	}
	m.wantPeople(t, people...)
}

// follow runs the commands under a heading of infra/SMALL.md. What the page says they print, they print: words are the
// same, and for what has a digit, a slash or a dot in it, something stands.
func (m *machine) follow(t *testing.T, heading string, env ...string) {
	t.Helper()
	out := follow(t, "../SMALL.md", "small: "+heading, filepath.Join(m.root, "sbin"), append(m.env, env...))
	page := readFile(t, "../SMALL.md")
	block := regexp.MustCompile(`(?s)<!-- small: ` + heading + " -->\n```sh\n[^`]*```\n\n```text\n(.*?)```").
		FindStringSubmatch(page)
	if block == nil {
		return
	}
	for line := range strings.Lines(block[1]) {
		var words []string
		for word := range strings.FieldsSeq(line) {
			if strings.ContainsAny(word, "0123456789/.:…") {
				words = append(words, `\S+`)
			} else {
				words = append(words, regexp.QuoteMeta(word))
			}
		}
		if !regexp.MustCompile(strings.Join(words, `\s+`)).MatchString(out) {
			t.Errorf("%s: the page says it prints\n%sit prints\n%s", heading, line, out)
		}
	}
}

// A person with a rented machine follows the page, and has a contest.
func TestASmallServerIsSetUpByThePage(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	release := "RELEASE=file://" + m.release(t, "1.0.0", "")
	m.follow(t, "install", release, "DOMAIN=contest.example.org", "EMAIL=ana@example.org")
	m.follow(t, "doctor")
	ana := &person{site: m.site, Email: "ana@example.org"}
	m.post(t, "/api/auth/signup", "", map[string]string{
		"email": ana.Email, "password1": password, "password2": password,
		"first_name": "Ana", "last_name": "Ruiz", "city": "Cali", "country": "Colombia",
	}).want(t, 201, "")
	var session struct {
		Token string `json:"access_token"`
	}
	m.login(t, ana.Email, password).want(t, 200, "").decode(t, &session)
	ana.Token = session.Token
	m.follow(t, "admin", "EMAIL="+ana.Email)
	id := ana.upload(t, tinyClip(t), "Canción")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	m.follow(t, "backups")
	m.follow(t, "status")
	place := "BACKUP_PLACE=" + filepath.Join(m.DataDir, "backups")
	m.follow(t, "check the backup", place)
	late := m.newPerson(t, "")
	m.follow(t, "update", "RELEASE=file://"+m.release(t, "1.1.0", ""))
	if v := m.runs(t); v != "1.1.0" {
		t.Errorf("%s runs", v)
	}
	m.wantPeople(t, ana.Email, late.Email)
	m.follow(t, "restore", "DATA_DIR="+m.DataDir, place)
	m.await(t)
	m.wantPeople(t, ana.Email)
	m.login(t, late.Email, password).want(t, 401, "bad_credentials")
	m.get(t, ana.video(t, id).ProcessedURL, "").want(t, 200, "")
}
