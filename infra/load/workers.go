package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// workers measures how many videos per minute so many workers process, by the size of the clips: all clips at once, and
// then at 80 % of the rate that this gave.
func workers(ctx context.Context, o options) error {
	if o.smoke {
		o.workers, o.sizes, o.count = "1", "1", 1
	}
	numbers, err := list(o.workers)
	if err != nil {
		return err
	}
	sizes, err := list(o.sizes)
	if err != nil {
		return err
	}
	room, err := os.MkdirTemp("", "clips-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(room)
	r := &result{
		Scenario: "workers", Title: "Worker throughput", Site: o.stage, Started: time.Now(), Machine: thisMachine(),
	}
	busy, all := busyTime()
	for _, n := range numbers {
		if err := r.withWorkers(ctx, o, n, sizes, room); err != nil {
			return err
		}
	}
	r.Seconds = time.Since(r.Started).Seconds()
	if nowBusy, nowAll := busyTime(); nowAll > all {
		r.Machine.Busy = (nowBusy - busy) / (nowAll - all)
	}
	failed, best := 0, 0.0
	for _, j := range r.Jobs {
		failed += j.Failed
		best = max(best, j.PerMinute)
	}
	r.Bars = []bar{
		{"videos that failed", "0", fmt.Sprint(failed), failed == 0},
		{"videos per minute and processor, at best", "", number(best / float64(r.Machine.CPUs)), true},
	}
	return r.save(o)
}

// withWorkers runs clips of all sizes through a site with so many workers.
func (r *result) withWorkers(ctx context.Context, o options, n int, sizes []int, room string) (err error) {
	s, err := openSite(ctx, o, fmt.Sprintf("WORKER_CONCURRENCY=%d", n))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r.Version = s.version(ctx)
	for i, mb := range sizes {
		clip, err := o.clipOf(ctx, room, mb)
		if err != nil {
			return err
		}
		fmt.Printf("%s, %d clips of %d MB at once\n", atWork(n), o.count, mb)
		burst, err := s.jobs(ctx, o, clip, 0)
		if err != nil {
			return err
		}
		burst.MB, burst.Workers = mb, n
		r.Jobs = append(r.Jobs, burst)
		if i > 0 || o.smoke {
			continue // the rate depends little on the size
		}
		fmt.Printf("%s, the same at %s a minute\n", atWork(n), number(0.8*burst.PerMinute))
		sustained, err := s.jobs(ctx, o, clip, 0.8*burst.PerMinute)
		if err != nil {
			return err
		}
		sustained.MB, sustained.Workers = mb, n
		r.Jobs = append(r.Jobs, sustained)
	}
	return nil
}

// list reads "1,2,4".
func list(text string) (numbers []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a list of numbers", text)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
