package ffmpeg

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"risingstars/infra/cliptest"
)

// A stand-in for ffprobe records what it sees from inside its box, then does the work.
func TestProgramsRunInABox(t *testing.T) {
	skipIfShort(t)
	t.Setenv("SECRET_KEY", "TOPSECRET")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var calls atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			c.Close()
		}
	}()
	dir := t.TempDir()
	report := filepath.Join(dir, "report.txt")
	script := fmt.Sprintf("#!/bin/bash\n"+
		// Once the last limit is set, all are.
		"for i in {1..2500}; do [ $(</proc/self/oom_score_adj) = 1000 ] && break; sleep 0.01; done\n"+
		"{ env; ulimit -a; echo oom_score_adj $(</proc/self/oom_score_adj); } > %s\n"+
		"(exec 3<>/dev/tcp/127.0.0.1/%d) 2>/dev/null\n"+
		"exec ffprobe \"$@\"\n",
		report, l.Addr().(*net.TCPAddr).Port)
	standIn := filepath.Join(dir, "ffprobe")
	if err := os.WriteFile(standIn, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	p := newProcessor(t, Options{FFprobe: standIn})
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.2"), x264())...)
	mustProcess(t, p, jobFor(t, in))
	seen, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"TOPSECRET", "HOME=" + os.Getenv("HOME")} {
		if bytes.Contains(seen, []byte(secret)) {
			t.Errorf("the program sees %q", secret)
		}
	}
	for _, limit := range []string{"cpu time", "virtual memory", "file size"} {
		for line := range strings.Lines(string(seen)) {
			if strings.HasPrefix(line, limit) && strings.Contains(line, "unlimited") {
				t.Errorf("no cap: %s", line)
			}
		}
		if !bytes.Contains(seen, []byte(limit)) {
			t.Errorf("no line about %s:\n%s", limit, seen)
		}
	}
	if !bytes.Contains(seen, []byte("oom_score_adj 1000\n")) {
		t.Errorf("the kernel may kill the worker before it:\n%s", seen)
	}
	if p.isolated && calls.Load() > 0 {
		t.Error("a run on a local file reached the network")
	}
}
