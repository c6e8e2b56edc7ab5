package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// asUnit is the environment variable that has the app confined as a unit of systemd: the names of the system calls that
// are left to it.
const asUnit = "RISING_STARS_TEST_AS_UNIT"

// unitOf returns the path of a unit, and the values of its lines by their names.
func unitOf(t *testing.T, name string) (path string, values map[string][]string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../systemd", name))
	if err != nil {
		t.Fatal(err)
	}
	values = map[string][]string{}
	for line := range strings.Lines(readFile(t, path)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			values[key] = append(values[key], value)
		}
	}
	return path, values
}

func systemdAnalyze(t *testing.T, args ...string) string {
	t.Helper()
	skipIfShort(t)
	if runtime.GOOS != "linux" {
		t.Skip("systemd is for Linux")
	}
	out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze %s: %v (infra/setup/packages.sh systemd-analyze)\n%s", args[0], err, out)
	}
	return string(out)
}

// The units leave an attacker who has the service little: systemd's own score, from 0 (safe) to 10.
func TestTheUnitsAreHardened(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	for name, most := range map[string]float64{"showcase.service": 2, "showcase-backup.service": 1.5} {
		path, _ := unitOf(t, name)
		out := systemdAnalyze(t, "security", "--offline=true", "--no-pager", path)
		found := regexp.MustCompile(`Overall exposure level for ` + name + `: ([0-9.]+)`).FindStringSubmatch(out)
		if found == nil {
			t.Fatalf("no score in\n%s", out)
		}
		if score, err := strconv.ParseFloat(found[1], 64); err != nil || score > most {
			t.Errorf("%s has a score of %s, want at most %g (%v):\n%s", name, found[1], most, err, out)
		}
	}
}

// callsOf returns the system calls that a unit's SystemCallFilter leaves, in whose lines later ones count.
func callsOf(t *testing.T, values map[string][]string) string {
	t.Helper()
	left := map[string]bool{}
	var apply func(name string, allowed bool)
	apply = func(name string, allowed bool) {
		if !strings.HasPrefix(name, "@") {
			left[name] = allowed
			return
		}
		for line := range strings.Lines(systemdAnalyze(t, "syscall-filter", name)) {
			if word := strings.TrimSpace(line); strings.HasPrefix(line, "    ") && !strings.HasPrefix(word, "#") {
				apply(word, allowed)
			}
		}
	}
	for _, line := range values["SystemCallFilter"] {
		list, denied := strings.CutPrefix(line, "~")
		for name := range strings.FieldsSeq(list) {
			apply(name, !denied)
		}
	}
	apply("@default", true) // systemd always leaves these
	var names []string
	for name, allowed := range left {
		if allowed {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// Behind the unit's filter of system calls the app serves, each wall of the box stands around ffmpeg, a clip is
// processed, and a backup is made.
func TestTheUnitLeavesTheBoxStanding(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	_, values := unitOf(t, "showcase.service")
	confined := asUnit + "=" + callsOf(t, values)
	s := newSite(t)
	out, errs, code := s.runAppWith(t, []string{confined}, "doctor")
	if code != 0 || len(regexp.MustCompile(`(?m)^ok +box: `).FindAllString(out, -1)) != 4 {
		t.Errorf("doctor: exit code %d\n%s%s", code, out, errs)
	}
	// Without what the unit gives back, walls are missing: so the filter is in force.
	naive := asUnit + "=" + callsOf(t, map[string][]string{"SystemCallFilter": {"@system-service"}})
	if out, _, _ := s.runAppWith(t, []string{naive}, "doctor"); !strings.Contains(out, "missing around ffmpeg") {
		t.Errorf("doctor finds all walls behind a filter that forbids them:\n%s", out)
	}
	s.start(t, confined)
	ana := s.newPerson(t, "")
	id := ana.upload(t, tinyClip(t), "Canción")
	v := ana.waitForFinal(t, id)
	if v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	s.get(t, v.ProcessedURL, "").want(t, http.StatusOK, "")

	_, values = unitOf(t, "showcase-backup.service")
	confined = asUnit + "=" + callsOf(t, values)
	if out, errs, code := s.runAppWith(t, []string{confined}, "backup"); code != 0 {
		t.Errorf("backup: exit code %d\n%s%s", code, out, errs)
	}
}

// The units start what the app has, as the user and in the folder that infra/install.sh makes, and stop later than the
// app at the latest does.
func TestTheUnitsFitTheApp(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	for name, commands := range map[string][]string{
		"showcase.service": {"doctor", "serve"}, "showcase-backup.service": {"backup"},
	} {
		_, values := unitOf(t, name)
		run := strings.Join(append(values["ExecStartPre"], values["ExecStart"]...), "\n")
		for _, command := range commands {
			if !strings.Contains(run, "/usr/local/bin/app "+command) {
				t.Errorf("%s does not run app %s:\n%s", name, command, run)
			}
		}
		for key, want := range map[string]string{"User": "showcase", "StateDirectory": "showcase"} {
			if got := strings.Join(values[key], " "); got != want {
				t.Errorf("%s has %s=%s", name, key, got)
			}
		}
		if values["Environment"][0] != "ENV_FILE=/etc/showcase/env" {
			t.Errorf("%s has the environment %v", name, values["Environment"])
		}
	}
	_, values := unitOf(t, "showcase.service")
	const grace, rest = 25, 10 // seconds: SHUTDOWN_GRACE_SECONDS, and for closing
	if stop, err := strconv.Atoi(values["TimeoutStopSec"][0]); err != nil || stop <= grace+rest {
		t.Errorf("TimeoutStopSec=%v", values["TimeoutStopSec"])
	}
	for key, want := range map[string]string{
		// A stop, or a lack of memory, ends nothing that should go on.
		"KillMode": "mixed", "OOMPolicy": "continue", "MemoryMax": "85%",
		// What fails is started again, for ever, but not with a wrong setting.
		"Restart": "on-failure", "StartLimitIntervalSec": "0", "RestartPreventExitStatus": strconv.Itoa(exitUsage),
		"AmbientCapabilities": "CAP_NET_BIND_SERVICE", "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
	} {
		if got := strings.Join(values[key], " "); got != want {
			t.Errorf("showcase.service has %s=%s, want %s", key, got, want)
		}
	}
}
