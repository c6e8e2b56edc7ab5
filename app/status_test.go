package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// An operator sees at a glance what waits, who does what, and what has become of the last hour's videos.
func TestStatusSaysWhoDoesWhat(t *testing.T) {
	t.Parallel()
	s := status{
		Processes: []processStatus{{Role: "work", Host: "one", PID: 7, Version: "1", Jobs: 2, Doing: []string{"v1"}}},
		Jobs: []jobStatus{
			{VideoID: "v1", Step: "processing", Percent: 40, Attempt: 2}, {VideoID: "v2", Step: "probing", Attempt: 1},
		},
		Queue:    queueStatus{Backend: "redis", Ready: 3, OldestReady: 75, Dead: 2},
		Videos:   videosStatus{Waiting: 3, OldestWaiting: 80, Processing: 2, Published: 9, Failed: 4},
		LastHour: lastHourStatus{Published: 5, Failed: map[string]int{"too_short": 2, "processing_error": 1}},
		Disks:    []diskStatus{{Name: "data", Path: "/data", Free: 5 << 30, Reserve: 1 << 30}},
	}
	var out bytes.Buffer
	if err := s.print(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"work one 7 1 0s 0s ago 1 of 2 v1", "v1 processing 40 2 one 7", "v2 probing 0 1 -",
		"videos 3 wait (the oldest for 1m20s), 2 in process, 9 published, 4 failed",
		"last hour 5 published, 3 failed (processing_error 1, too_short 2)",
		"queue redis: 3 tasks ready (the oldest for 1m15s), 0 in flight, 0 delayed, 2 dead (app queue dead)",
		"disk data 5120 MiB free in /data, of which 1024 MiB stay so",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, &out)
		}
	}
}

// Into a pipe, status --watch prints whole ones below each other until it is ended, which is no error.
func TestStatusIsWatchedThroughAPipe(t *testing.T) {
	t.Setenv("DATA_DIR", "data")
	t.Setenv("ENV_FILE", "")
	t.Chdir(t.TempDir())
	prepare(t, false)
	for _, c := range []struct {
		args  []string
		whole func(line string) bool
	}{
		{[]string{"status", "--watch"}, func(line string) bool { return strings.HasPrefix(line, "queue ") }},
		{[]string{"status", "--watch", "--json"}, func(line string) bool {
			return json.Valid([]byte(line)) && strings.Contains(line, `"last_hour":{"published":0,"failed":{}}`)
		}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			ended <- execute(ctx, c.args, w, io.Discard)
			_ = w.Close() // never fails
		}()
		n := 0
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if strings.Contains(lines.Text(), "\x1b") {
				t.Errorf("%q has a code for terminals", lines.Text())
			}
			if c.whole(lines.Text()) {
				if n++; n == 2 {
					cancel()
				}
			}
		}
		cancel()
		if code := <-ended; code != 0 || n < 2 {
			t.Errorf("%v: exit code %d after %d", c.args, code, n)
		}
	}
}

// On a terminal each status takes the place of the one before.
func TestStatusIsRedrawnOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for range 2 {
		if err := (status{}).printAt(&out, time.Now(), false, true); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Count(out.String(), clearScreen) != 2 || !strings.HasPrefix(out.String(), clearScreen) {
		t.Errorf("%q", &out)
	}
}
