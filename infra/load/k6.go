package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// counts are the sums of k6's counters, and the last values of its gauges, by their names.
type counts map[string]float64

// k6 runs a script on the site, notes its requests, and shows once in a while how it goes.
func k6(ctx context.Context, o options, s *site, script string, rec *record, env ...string) (counts, error) {
	program, err := filepath.Abs(o.k6)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("no k6 here (make .cache/bin/k6): %w", err)
	}

	cmd := exec.CommandContext(ctx, program, "run", "--quiet", "--no-summary", "--no-usage-report", "--address", "",
		"--out", "csv=-", "--log-output", "stderr", "-")
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = append(os.Environ(), "TARGET="+s.url, "K6_CSV_TIME_FORMAT=unix_milli")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := live(ctx, rec)
	found, readErr := readSamples(out, rec)
	stop()
	if readErr != nil {
		_, _ = io.Copy(io.Discard, out)
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("k6: %w", err)
	}
	return found, readErr
}

// live shows the last second every five seconds, until the returned function is called.
func live(ctx context.Context, rec *record) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(5 * time.Second):
			}
			last, errs, users := rec.latest()
			fmt.Printf("%4.0f s  %4d users  %5d requests in the last second  p95 %s ms  errors so far %d\n",
				time.Since(rec.start).Seconds(), users, last.Requests, number(last.P95), errs)
		}
	})
	return func() { cancel(); group.Wait() }
}

// readSamples reads k6's CSV, whose columns depend on the options of the script.
func readSamples(r io.Reader, rec *record) (counts, error) {
	lines := csv.NewReader(r)
	lines.ReuseRecord = true
	lines.FieldsPerRecord = -1
	columns := map[string]int{}
	found := counts{}
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read k6's samples: %w", err)
		}
		if fields[0] == "metric_name" {
			for i, name := range fields {
				columns[name] = i
			}
			continue
		}
		field := func(name string) string {
			if i, ok := columns[name]; ok && i < len(fields) {
				return fields[i]
			}
			return ""
		}
		if err := rec.sample(fields[0], field, found); err != nil {
			return nil, err
		}
	}
}

// sample notes one line of k6's CSV.
func (r *record) sample(metric string, field func(string) string, found counts) error {
	switch metric {
	case "http_req_duration", "vus", "dropped_iterations":
	default:
		if !strings.HasPrefix(metric, "votes_") {
			return nil
		}
	}
	value, err := strconv.ParseFloat(field("metric_value"), 64)
	if err != nil {
		return fmt.Errorf("k6's %s: %w", metric, err)
	}
	millis, err := strconv.ParseFloat(field("timestamp"), 64)
	if err != nil {
		return fmt.Errorf("time of k6's %s: %w", metric, err)
	}
	at := millis/1000 - float64(r.start.UnixMilli())/1000
	switch {
	case metric == "vus":
		r.load(at, int(value))
	case metric == "http_req_duration":
		step := tag(field("extra_tags"), "step")
		if step == "preparation" {
			return nil
		}
		r.request(step, field("name"), at, value, failure(field("status"), field("error_code")))
	case strings.HasPrefix(metric, "votes_before"), strings.HasPrefix(metric, "votes_after"):
		found[metric] = value
	default:
		found[metric] += value
	}
	return nil
}

// failure says what is wrong with an answer; "" if nothing is.
func failure(status, code string) string {
	switch {
	case strings.HasPrefix(status, "2"), strings.HasPrefix(status, "3"):
		return ""
	case status == "0":
		return "no answer, code " + code + " of k6"
	}
	return "status " + status
}

// tag returns a tag's value of "a=1&b=2".
func tag(tags, name string) string {
	for part := range strings.SplitSeq(tags, "&") {
		if key, value, _ := strings.Cut(part, "="); key == name {
			return value
		}
	}
	return ""
}
