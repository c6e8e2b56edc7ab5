// Command benchweb compares what readers, voters and uploads get from app serve with what the least program gives:
// a bare echo handler that sends as many bytes, a plain insert and update for each vote, a handler that writes a file.
//
//	make bench-web
//	make bench-web BENCH='-rounds 2 -seconds 1 -contestants 2000 -rows votes'
//
// It needs a PostgreSQL server whose commits are durable (TEST_POSTGRES_URL) and Redis (TEST_REDIS_URL), which
// infra/setup/test.sh --postgres --durable --redis starts. It makes a database of its own, fills it with app seed, and
// runs app serve and the bare handlers each in a process of its own. Baseline and ours are measured in turn, so that
// what else the machine does meets both; the ratio of a row is the median of those of its rounds. The load comes from
// this process, over connections that are kept, on the same processors. It prints Markdown with a verdict for each row.
//
// With -pages it measures the lists as they are read from the database, which no prepared answer hides, at whatever
// depth; that is for large numbers: -contestants 1000000 -votes 10000000 -rows none -pages.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

type settings struct {
	rounds             int
	length             time.Duration // of one measurement
	contestants, votes int
	atOnce             int
	rows               string
	pages              bool
	profiles           string
}

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], childPrefix) {
		if err := runChild(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "benchweb:", err)
			os.Exit(1)
		}
		return
	}
	var s settings
	var seconds float64
	flag.IntVar(&s.rounds, "rounds", 5, "how often each pair is measured")
	flag.Float64Var(&seconds, "seconds", 2, "how long each measurement lasts")
	flag.IntVar(&s.contestants, "contestants", 100_000, "contestants with one entry each")
	flag.IntVar(&s.votes, "votes", 1_000_000, "votes that are there before")
	flag.IntVar(&s.atOnce, "connections", 64, "readers, voters and uploads at once")
	flag.StringVar(&s.rows, "rows", "", "only the rows whose name contains this; none: no row")
	flag.BoolVar(&s.pages, "pages", false, "also measure how long pages take that nobody has prepared")
	flag.StringVar(&s.profiles, "profiles", "", "folder for CPU profiles of app serve, one of each row")
	flag.Parse()
	s.length = time.Duration(seconds * float64(time.Second))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchweb:", err)
		os.Exit(1)
	}
}

// run prints the whole report.
func run(ctx context.Context, s settings) (err error) {
	b, err := prepare(ctx, s)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Printf("%d processors, %d contestants, %d votes, %d at once; %d rounds of %s, rounds alternate\n\n",
		runtime.NumCPU(), s.contestants, s.votes, s.atOnce, s.rounds, s.length)
	fmt.Println("| bar | baseline/s | ours/s | ratio (least–most) | p99 | wanted | verdict |")
	fmt.Println("|---|---|---|---|---|---|---|")
	b.forgetPeak()
	for _, r := range b.rows() {
		if s.rows != "" && !strings.Contains(r.name, s.rows) {
			continue
		}
		if err := b.measure(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	if err := b.printMemory(); err != nil || !s.pages {
		return err
	}
	return b.printPages(ctx)
}
