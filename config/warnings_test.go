package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestANameThatIsNearlyOursIsAWarning(t *testing.T) {
	clean(t)
	t.Setenv("MAX_UPLOAD_BYTE", "1")
	t.Setenv("LOGLEVEL", "debug")
	path := write(t, "HTTP_ADR=:1\nPUBLIC_URI=http://x\nPOSTGRES_PASSWORD=x\nPORT=80\nAWS_ACCESS_KEY_ID=x\n")
	_, report, err := Load(File{path: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"HTTP_ADR": "HTTP_ADDR", "LOGLEVEL": "LOG_LEVEL", "MAX_UPLOAD_BYTE": "MAX_UPLOAD_BYTES",
		"PUBLIC_URI": "PUBLIC_URL",
	}
	for _, name := range []string{"POSTGRES_PASSWORD", "PORT", "AWS_ACCESS_KEY_ID", "HOME", "PATH"} {
		want[name] = ""
	}
	for name, ours := range want {
		i := slices.IndexFunc(report.Warnings, func(w string) bool { return strings.HasPrefix(w, name+": ") })
		if (i >= 0) != (ours != "") {
			t.Errorf("%s: %q", name, report.Warnings)
		} else if i >= 0 && !strings.Contains(report.Warnings[i], "is "+ours+" meant?") {
			t.Errorf("%s: %q", name, report.Warnings[i])
		}
	}
}

func TestWideNetworksOfProxiesAreAWarning(t *testing.T) {
	for network, want := range map[string]struct{ outside, inside bool }{
		"0.0.0.0/0": {true, true}, "::/0": {true, true}, "10.0.0.0/8": {true, false}, "172.16.0.0/12": {true, false},
		"192.168.0.0/16": {true, false}, "fd00::/8": {true, false}, "8.0.0.0/8": {true, true},
		"192.168.1.0/24": {false, false}, "10.1.2.3/32": {false, false}, "127.0.0.0/8": {false, false},
		"::1/128": {false, false},
	} {
		prefix := netip.MustParsePrefix(network)
		outside, inside := isWide(prefix, false), isWide(prefix, true)
		if outside != want.outside || inside != want.inside {
			t.Errorf("%s: %v, in a container %v", network, outside, inside)
		}
	}
	clean(t)
	t.Setenv("TRUSTED_PROXIES", "10.1.2.3,0.0.0.0/0")
	_, report, err := Load(File{}, nil)
	if err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "0.0.0.0/0") {
		t.Errorf("%q, %v", report.Warnings, err)
	}
}

// Each setting tells its value, unless it is secret, and where that comes from.
func TestSettingsInForce(t *testing.T) {
	clean(t)
	path := write(t, "# a comment\nexport MAX_UPLOAD_BYTES=2000000\n\nDATA_DIR='/data of us'\nLOG_LEVEL=warn\n"+
		"log_format=json\nAWS_SECRET_ACCESS_KEY=hunter2\nMEDIA_AUDIO=remove\n")
	for name, value := range map[string]string{
		"DATABASE_URL": "postgres://u:hunter2@db/x", "SECRET_KEY": "hunter2hunter2hunter2hunter2hunter2",
		"LOG_LEVEL": "error", "MEDIA_AUDIO": "", "REDIS_URL": "redis://:hunter2@r:6379",
	} {
		t.Setenv(name, value)
	}
	_, report, err := Load(File{path: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range report.Settings {
		if s.Meaning == "" {
			t.Errorf("%s has no meaning", s.Name)
		}
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s shows a secret: %s", s.Name, s.Value)
		}
		got[s.Name] = s.Value + " from " + strings.ReplaceAll(s.Source, path, "FILE")
	}
	want := map[string]string{
		"MAX_UPLOAD_BYTES": "2000000 from FILE:2", "DATA_DIR": "/data of us from FILE:4",
		"LOG_LEVEL": "error from environment", "LOG_FORMAT": "json from FILE:6", "HTTP_ADDR": ":8080 from default",
		"MEDIA_AUDIO":  "keep from default, because environment is empty",
		"DATABASE_URL": "postgres://u:xxxxx@db/x from environment",
		"REDIS_URL":    "redis://:xxxxx@r:6379 from environment", "QUEUE_BACKEND": "redis from default",
		"SECRET_KEY": "(set, 35 bytes) from environment", "AWS_SECRET_ACCESS_KEY": "(set, 7 bytes) from FILE:7",
	}
	for name, line := range want {
		if diff := cmp.Diff(line, got[name]); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(map[string]string{"AWS_SECRET_ACCESS_KEY": "hunter2"}, report.SDK); diff != "" {
		t.Error(diff)
	}
}

func TestTheFileIsTheOneThatIsNamed(t *testing.T) {
	clean(t)
	t.Chdir(t.TempDir())
	if err := os.WriteFile(".env", []byte("LOG_LEVEL=warn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	named := write(t, "LOG_LEVEL=error\n")
	for _, c := range []struct {
		set         bool
		value, want string
	}{{false, "", "warn"}, {true, "", "info"}, {true, named, "error"}, {true, named + ".none", ""}} {
		t.Setenv("ENV_FILE", c.value)
		if !c.set {
			_ = os.Unsetenv("ENV_FILE") // the test's end restores it
		}
		loaded, _, err := Load(DotenvFile(), nil)
		if (err != nil) != (c.want == "") || err == nil && loaded.Log.Level != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := os.Remove(".env"); err != nil {
		t.Fatal(err)
	}
	_ = os.Unsetenv("ENV_FILE")
	if _, _, err := Load(DotenvFile(), nil); err != nil {
		t.Errorf("without a file: %v", err)
	}
	t.Setenv("ENV_FILE", write(t, "LOG_LEVEL=warn\nSECRET_KEY hunter2\n"))
	if _, _, err := Load(DotenvFile(), nil); err == nil || !strings.Contains(err.Error(), "line 2") ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a line without =: %v", err)
	}
}
