package app

import (
	"bytes"
	"testing"
)

func TestInjectTriesNothingAfterWrongUsage(t *testing.T) {
	t.Setenv("DATA_DIR", "data")
	t.Setenv("ENV_FILE", "")
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{},
		{"one.mp4", "two.mp4"},
		{"one.mp4", "--count=0"},
		{"one.mp4", "--count=100001"},
		{"one.mp4", "--rate=-1"},
		{"one.mp4", "--rate=NaN"},
	} {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), append([]string{"inject"}, args...), &out, &errs); code != exitUsage {
			t.Errorf("inject %q: exit code %d, %s%s", args, code, &out, &errs)
		}
	}
	if exists("data") {
		t.Error("it created the data folder")
	}
}
