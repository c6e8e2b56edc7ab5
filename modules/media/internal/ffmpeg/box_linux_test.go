package ffmpeg

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"risingstars/infra/cliptest"
)

// A stand-in for each program reports what it can do in its box and then fails, so that the report is in the error.
// platform/box has the tests of the box itself.
func TestProgramsRunInTheBox(t *testing.T) {
	skipIfShort(t)
	t.Setenv("SECRET_KEY", "TOPSECRET")
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.2"), x264())...)
	for step, options := range map[string]func(standIn string) Options{
		"probe":   func(standIn string) Options { return Options{FFprobe: standIn} },
		"process": func(standIn string) Options { return Options{FFmpeg: standIn} },
	} {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			standIn := filepath.Join(dir, "stand-in")
			script := fmt.Sprintf(`#!/bin/bash
PATH=/usr/bin:/bin
if [[ " $* " != *" -show_entries "* && $* != *candidates.gray* ]]; then exec ffmpeg "$@"; fi
tries() {
	if eval "$2" 2>/dev/null; then echo "$1: yes"; else echo "$1: no"; fi
}
{
	export -p
	ulimit -a
	tries "reads the clip" 'read -r -n 1 x <%[1]q || [[ -n $x ]]'
	tries "reads passwd" 'read -r x </etc/passwd'
	tries "reads its parent" 'read -r -d "" x <"/proc/$PPID/environ"'
	tries "writes outside" 'echo x >%[2]q'
	tries "reaches the network" 'exec 3<>/dev/udp/127.0.0.1/53'
	echo end
} >&2
exit 1
`, in, filepath.Join(dir, "outside"))
			if err := os.WriteFile(standIn, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			_, err := newProcessor(t, options(standIn)).Process(t.Context(), jobFor(t, in))
			var tool *ToolError
			var rejected *Rejection
			report := ""
			switch {
			case errors.As(err, &tool):
				report = tool.Stderr
			case errors.As(err, &rejected):
				report = rejected.Stderr
			}
			for _, want := range []string{
				"reads the clip: yes", "reads passwd: no", "reads its parent: no", "writes outside: no",
				"reaches the network: no", "end",
			} {
				if !strings.Contains(report, want+"\n") {
					t.Errorf("the report lacks %q: %v\n%s", want, err, report)
				}
			}
			for _, secret := range []string{"TOPSECRET", "HOME="} {
				if strings.Contains(report, secret) {
					t.Errorf("the program sees %q", secret)
				}
			}
			for _, limit := range []string{"cpu time", "virtual memory", "file size", "open files", "core file size"} {
				line := strings.Index(report, "\n"+limit)
				if line < 0 || strings.Contains(strings.SplitN(report[line+1:], "\n", 2)[0], "unlimited") {
					t.Errorf("no limit of %s:\n%s", limit, report)
				}
			}
		})
	}
}
