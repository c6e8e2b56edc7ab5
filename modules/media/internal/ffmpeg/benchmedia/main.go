// Command benchmedia compares what one clip costs here with one bare ffmpeg pass and with the usual chain of encodes.
//
//	go run ./modules/media/internal/ffmpeg/benchmedia [-rounds 5] [-seconds 30] [-clips 1080p30,...] [-skip chain]
//
// A verdict at the end of each row says whether the job meets its bar: against one bare pass that makes the same sizes
// with the same encoder, at most 1.00 of its CPU time for one size and 1.05 for both, pictures at most 5 % larger, and
// an SSIM that is lower by 0.001 at most.
//
// It generates its clips, runs the pipelines in turn, each job in a process of its own, and prints Markdown. CPU
// seconds are the user and system time of everything that a job started; wall seconds depend on what else the machine
// does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"risingstars/platform/box"
)

type settings struct {
	rounds  int
	seconds int
	clips   string
	skip    string
	dir     string
	threads int
}

func main() {
	box.Main()
	var s settings
	var one, in, out string
	flag.IntVar(&s.rounds, "rounds", 5, "how often every pipeline runs; the median is reported")
	flag.IntVar(&s.seconds, "seconds", 30, "length of the content")
	flag.StringVar(&s.clips, "clips", "1080p30,1080p60,portrait,noisy", "clips to compare on")
	flag.StringVar(&s.skip, "skip", "", "parts to leave out: chain, sizes, workers")
	flag.StringVar(&s.dir, "dir", "", "where clips and results are kept; default a temporary folder")
	flag.IntVar(&s.threads, "threads", 0, "Options.Threads")
	flag.StringVar(&one, "one", "", "internal: run one job of this pipeline")
	flag.StringVar(&in, "in", "", "internal: its input")
	flag.StringVar(&out, "out", "", "internal: its folder")
	flag.Parse()

	ctx := context.Background()
	var err error
	if one != "" {
		err = runOne(ctx, s, one, in, out)
	} else {
		err = report(ctx, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmedia:", err)
		os.Exit(1)
	}
}

// runOne is the child: it runs one job and prints its usage.
func runOne(ctx context.Context, s settings, pipeline, in, out string) error {
	run, err := pipelines(s)[pipeline](in, out)
	if err != nil {
		return err
	}
	before, start := usageNow(), time.Now()
	made, err := run(ctx)
	if err != nil {
		return err
	}
	u := usageNow()
	u.CPU -= before.CPU
	u.Wall = time.Since(start).Seconds()
	u.files = made
	return json.NewEncoder(os.Stdout).Encode(u)
}

func report(ctx context.Context, s settings) error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "benchmedia-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	clips, err := makeClips(ctx, s)
	if err != nil {
		return err
	}
	if err := compare(ctx, s, clips); err != nil {
		return err
	}
	if !strings.Contains(s.skip, "sizes") {
		if err := bySize(ctx, s, clips[0]); err != nil {
			return err
		}
	}
	if !strings.Contains(s.skip, "workers") {
		return byWorkers(ctx, s, clips[0])
	}
	return nil
}
