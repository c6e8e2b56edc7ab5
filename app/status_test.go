package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be read is said in its place, and all the rest is printed.
func TestStatusPrintsWhatIsKnown(t *testing.T) {
	t.Setenv("DATA_DIR", "data")
	t.Setenv("ENV_FILE", "")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const (
		videos = "videos     0 wait"
		queue  = "queue      embedded: 0 tasks"
		disk   = "disk data  "
	)
	for name, c := range map[string]struct {
		variable, value string
		old             bool
		want            []string
	}{
		"Redis is down": {"REDIS_URL", "redis://127.0.0.1:1", false, []string{
			"nothing runs", videos, "queue      unknown: ", disk,
		}},
		"the database is behind": {"", "", true, []string{
			"unknown: the database is out of date", "embedded: 0 tasks", "disk data",
		}},
		"a disk cannot be read": {"WORK_DIR", file, false, []string{
			"nothing runs", videos, queue, disk, "disk work  unknown: ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			prepare(t, c.old)
			if c.variable != "" {
				t.Setenv(c.variable, c.value)
			}
			var out, errs bytes.Buffer
			if code := execute(t.Context(), []string{"status"}, &out, &errs); code != exitFailure || errs.Len() == 0 {
				t.Errorf("exit code %d, %s", code, &errs)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it lacks %q:\n%s", want, &out)
				}
			}
			out.Reset()
			code := execute(t.Context(), []string{"status", "--json"}, &out, &errs)
			if code != exitFailure || !json.Valid(out.Bytes()) || !strings.Contains(out.String(), `"error": "`) {
				t.Errorf("JSON: exit code %d, %s", code, &out)
			}
		})
	}
}
