// Command load measures what a site can carry. Each scenario prints its figures with a verdict, and writes them to a
// JSON file and to an HTML page with charts that opens without a network:
//
//	load web       users who sign up, log in and upload 10 KB to upload-mock, more and more of them
//	load night     a voting night: mostly reads, votes with a hot video, sign-ins, more and more per second
//	load uploads   a hundred uploads of 200 MB at once
//	load workers   videos per minute by the number of workers and the size of the clips
//	load inject    clips straight into the queue of a site that runs already, and what becomes of them
//	load capacity  results into CAPACITY.md, as tables and charts
//	load report    the HTML pages of results, anew
//
// A scenario starts a site of its own in one of the stages, or works on one that runs elsewhere (-target URL). The
// generator shares this machine with a site of its own, so the figures are those of both together.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// errMissed ends a scenario that ran to its end, but missed a bar.
var errMissed = errors.New("a bar was missed")

// run returns the exit code: 0; 1 after a failure; 2 after wrong usage; 3 if a bar was missed.
func run(ctx context.Context, args []string) int {
	commands := map[string]func(context.Context, options) error{
		"web": web, "night": night, "uploads": uploads, "workers": workers, "inject": inject,
		"capacity": capacity, "report": reports,
	}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	command, ok := commands[name]
	if !ok {
		names := make([]string, 0, len(commands))
		for name := range commands {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: load %s [-h] [FLAG...]\n", strings.Join(names, "|"))
		return 2
	}
	o, err := readOptions(name, args[1:])
	if err != nil {
		return 2
	}
	switch err := command(ctx, o); {
	case errors.Is(err, errMissed):
		return 3
	case err != nil:
		fmt.Fprintf(os.Stderr, "load: %v\n", err)
		return 1
	}
	return 0
}

// options are the flags of all commands.
type options struct {
	target, stage string
	smoke         bool
	out           string
	app, k6       string
	note          string
	watch         processes
	set           settings

	steps   string // of web and night
	entries int    // of night's own site

	count, size int // of uploads, workers and inject; size in MB
	clip        string
	workers     string
	sizes       string
	rate        float64
	metrics     string

	args []string // the rest
}

// settings is a flag that may be given several times: NAME=value.
type settings []string

func (s *settings) String() string { return "" }

// Set adds a setting.
func (s *settings) Set(value string) error {
	if !strings.Contains(value, "=") {
		return errors.New("want NAME=value")
	}
	*s = append(*s, value)
	return nil
}

func readOptions(name string, args []string) (o options, err error) {
	flags := flag.NewFlagSet("load "+name, flag.ContinueOnError)
	text := func(to *string, name, value, usage string) { flags.StringVar(to, name, value, usage) }
	out := ".cache/load"
	if name == "capacity" {
		out = "infra/load"
	}
	text(&o.out, "out", out, "`folder` for what it writes")
	text(&o.app, "app", "bin/app", "the `program` of sites that it starts, built by `make build`")
	text(&o.note, "note", "", "`text` that stands in the results, such as what else the machine did")
	switch name {
	case "web", "night", "uploads", "workers":
		text(&o.stage, "stage", "embedded",
			"`stage` of the site that it starts: embedded, onehost or aws (with stand-ins for S3 and SQS)")
		flags.Var(&o.set, "set",
			"`NAME=value` of the site that it starts, such as DATABASE_MAX_CONNS=8; may be repeated")
		flags.BoolVar(&o.smoke, "smoke", false, "only see that everything works: few users, some seconds")
	}
	switch name {
	case "web", "night":
		text(&o.k6, "k6", ".cache/bin/k6", "the `program`, built by `make .cache/bin/k6`")
		text(&o.steps, "steps", "", "`N:RISE:HOLD,...`: users (web) or requests per second (night), and seconds")
		flags.IntVar(&o.entries, "entries", 10_000, "entries of a site that night starts")
	case "uploads":
		flags.IntVar(&o.count, "count", 100, "uploads at once")
		flags.IntVar(&o.size, "size", 200, "`MB` of each")
	case "workers":
		text(&o.workers, "workers", "1,2,4", "numbers of workers to try")
		text(&o.sizes, "sizes", "50,100,200", "sizes of clips in `MB` to try")
	case "inject":
		text(&o.metrics, "metrics", "http://localhost:8080/metrics",
			"`address` of the worker's metrics (WORKER_HTTP_ADDR)")
		flags.IntVar(&o.size, "size", 50, "`MB` of each clip")
		flags.Float64Var(&o.rate, "rate", 0, "clips per minute; 0: all at once")
	}
	if name == "workers" || name == "inject" {
		flags.IntVar(&o.count, "count", 8, "clips of each run")
		text(&o.clip, "clip", "", "`file` to process, instead of a generated clip of 30 s and more")
	}
	if name == "web" || name == "night" || name == "uploads" {
		text(&o.target, "target", "", "`URL` of a site that runs already, instead of one of its own")
		flags.Var(&o.watch, "watch", "`ROLE=PID` of a process of the target on this machine whose memory counts")
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.args = flags.Args()
	o.target = strings.TrimSuffix(o.target, "/")
	if o.app, err = filepath.Abs(o.app); err != nil {
		return o, err
	}
	if len(o.args) > 0 && name != "capacity" && name != "report" {
		err = fmt.Errorf("unexpected: %s", strings.Join(o.args, " "))
		fmt.Fprintf(os.Stderr, "load: %v\n", err)
	}
	return o, err
}
