package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// The script installs, may be repeated, changes nothing that is not asked for, and updates.
func TestInstallingAgainAndUpdating(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	// For a command that is not tried here, it prints what it may do.
	one := m.release(t, "1.0.0", "[[ $1 != version ]] || exec grep CapAmb /proc/self/status")
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
	const netBindService = "0000000000000400"
	if out, err := m.run("showcase", "version"); os.Geteuid() == 0 && !strings.Contains(out, netBindService) {
		t.Errorf("its commands may not listen on ports 80 and 443: %v\n%s", err, out)
	}
	text := readFile(t, settings)
	if !strings.Contains(text, "DOMAIN=contest.example.org\nACME_EMAIL=ana@example.org\n") {
		t.Errorf("the settings are\n%s", text)
	}
	// The binaries of these tests leave DOMAIN out.
	out, errs, code := m.runAppWith(t, []string{"ENV_FILE=" + settings}, "config")
	for _, setting := range []string{`DOMAIN +contest\.example\.org `, `HTTP_ADDR +:80 `, `HTTPS_ADDR +:443 `} {
		if !regexp.MustCompile(`(?m)^` + setting).MatchString(out) {
			t.Errorf("config exits with %d and has no line %q\n%s%s", code, setting, out, errs)
		}
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
	// With its old settings it has ended several times, which systemd remembers.
	ends := filepath.Join(m.root, "run/units/showcase.restarts")
	if err := os.WriteFile(ends, []byte(strings.Repeat("\n", 5)), 0o644); err != nil {
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
	m.follow(t, "go back", "BIN="+filepath.Join(m.root, "usr/local/bin"))
	if v := m.runs(t); v != "1.0.0" {
		t.Errorf("after going back %s runs", v)
	}
}

// Whatever is wrong with a new version, the old one runs afterwards, and nobody is lost.
func TestABadUpdateIsRolledBack(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, "READY_SECONDS=40")
	smallDisk := os.Geteuid() == 0 // who may mount it
	if smallDisk {
		defer m.useSmallDisk(t)()
	}
	const room = "export DISK_RESERVE_BYTES=1048576 MAX_UPLOAD_BYTES=1048576"
	m.install(t, m.release(t, "1.0.0", room), false, "it runs")
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
			[[ $1 != serve ]] || exit 2`, // after which systemd does not start it again
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
	// Once it has failed, nothing else is asked, and nothing waited for.
	calls := readFile(t, filepath.Join(m.root, "run/units/calls"))
	if strings.Count(calls, "systemctl is-failed") <= strings.Count(calls, "systemctl show") {
		t.Error("a version that systemd does not start again is waited for")
	}
	if smallDisk {
		m.updateOnFullDisk(t)
		m.wantPeople(t, people...)
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
	m.install(t, m.release(t, "1.9.0", room), false, "it runs")
	if v := m.runs(t); v != "1.9.0" {
		t.Errorf("%s runs", v)
	}
	m.wantPeople(t, people...)
}

// updateOnFullDisk lets the disk become full between the look at it and the copy of the database.
func (m *machine) updateOnFullDisk(t *testing.T) {
	t.Helper()
	filler := filepath.Join(m.DataDir, "filler")
	fill := "#!/bin/sh\nrm \"$0\"\ncat /dev/zero >" + filler + " 2>/dev/null || true\n"
	if err := os.WriteFile(filepath.Join(m.root, "run/units/on-stop"), []byte(fill), 0o755); err != nil {
		t.Fatal(err)
	}
	m.install(t, m.release(t, "1.8.0", ""), true, "could not be copied; the version of before runs on")
	if left := glob(t, filepath.Join(m.DataDir, "before-update*")); len(left) != 1 {
		t.Errorf("it leaves %v", left)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if v := m.runs(t); v != "1.0.0" {
		t.Errorf("on a full disk: %s runs", v)
	}
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
