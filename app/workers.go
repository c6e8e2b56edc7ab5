package app

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"risingstars/platform/lifecycle"
	"risingstars/platform/roster"
	"risingstars/platform/telemetry"
)

const (
	workersEvery = 10 * time.Second
	// lonelyAfter is how long there may be no worker: while a deployment replaces the only one, nobody need know.
	lonelyAfter = time.Minute
)

// concealEvery is how often hidden videos are looked for whose files have names that somebody may know.
const concealEvery = 3 * time.Second

// conceal names the files of hidden videos anew until ctx ends, so that links to them stop.
func (a *app) conceal(ctx context.Context) {
	ticker := time.NewTicker(concealEvery)
	defer ticker.Stop()
	for {
		if err := a.concealSome(ctx); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "links to the files of hidden videos go on for now", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// concealSome goes on after an error: the files of one may be missing.
func (a *app) concealSome(ctx context.Context) (err error) {
	for range concealBatch {
		id, claimErr := a.voting.ClaimUnconcealed(ctx)
		if claimErr != nil || id == "" {
			return errors.Join(err, claimErr)
		}
		key, renameErr := a.media.Conceal(ctx, id)
		if renameErr == nil && key != "" {
			renameErr = a.voting.MarkConcealed(ctx, id, key)
		}
		err = errors.Join(err, renameErr)
	}
	return err
}

// concealBatch bounds how many videos are concealed at a time, and the errors that are told at once.
const concealBatch = 20

// join puts this process on the roster, until close.
func (a *app) join(ctx context.Context, role string, jobs int) {
	member := roster.Join(ctx, a.db, roster.Options{
		Role: role, Version: build(), Jobs: jobs, Doing: a.media.UnderWay, Logger: a.log,
	})
	a.countMissing()
	a.tellBuild(role)
	a.closers = append(a.closers, func() error { member.Close(); return nil })
}

// tellBuild registers the metric that says what runs.
func (a *app) tellBuild(role string) {
	promauto.With(a.registry).NewGaugeVec(prometheus.GaugeOpts{
		Name: "app_build_info",
		Help: "1, with the version, the commit, Go's version and the role of this process.",
	}, []string{"version", "commit", "go_version", "role"}).
		WithLabelValues(version, commit(), runtime.Version(), role).Set(1)
}

// errNoWorker is what serve's health checks and doctor say.
var errNoWorker = errors.New("no worker is alive, so no video is processed; start one: app work")

// workers watches whether anybody processes videos.
type workers struct {
	*app
	alive  prometheus.Gauge
	lonely atomic.Bool // there has been no worker for lonelyAfter
	since  time.Time   // of when there has been none; zero if there is one
}

func (a *app) newWorkers() *workers {
	return &workers{app: a, alive: promauto.With(a.registry).NewGauge(prometheus.GaugeOpts{
		Name: "workers_alive",
		Help: "Processes that process videos, on all hosts.",
	})}
}

// check fails while there is no worker.
func (w *workers) check() telemetry.Check {
	return telemetry.Check{Name: "workers", Run: func(context.Context) error {
		if w.lonely.Load() {
			return errNoWorker
		}
		return nil
	}}
}

// watch logs when there is no worker, and when there is one again. Trouble with the database is told elsewhere.
func (w *workers) watch() lifecycle.Service {
	return lifecycle.Loop("workers", func(ctx context.Context) {
		ticker := time.NewTicker(workersEvery)
		defer ticker.Stop()
		for {
			if alive, err := roster.Alive(ctx, w.db); err == nil {
				w.see(ctx, time.Now(), countWorkers(alive))
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

// see notes how many workers are alive at a time.
func (w *workers) see(ctx context.Context, now time.Time, n int) {
	w.alive.Set(float64(n))
	switch {
	case n > 0:
		w.since = time.Time{}
		if w.lonely.Swap(false) {
			w.log.InfoContext(ctx, "a worker is alive again", "workers", n)
		}
	case w.since.IsZero():
		w.since = now
	case now.Sub(w.since) >= lonelyAfter && !w.lonely.Swap(true):
		w.log.WarnContext(ctx, errNoWorker.Error(), "queue", w.c.Queue.Backend)
	}
}

func countWorkers(processes []roster.Process) (n int) {
	for _, p := range processes {
		if p.Jobs > 0 {
			n++
		}
	}
	return n
}

// versionsOf returns the versions that run, sorted.
func versionsOf(processes []roster.Process) []string {
	var versions []string
	for _, p := range processes {
		versions = append(versions, p.Version)
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// processes is doctor's check of what runs.
func (d *doctor) processes(ctx context.Context, a *app) {
	alive, err := roster.Alive(ctx, a.db)
	workers := countWorkers(alive)
	switch versions := versionsOf(alive); {
	case err != nil:
		d.report("processes", fail, "%v", err)
	case len(alive) == 0:
		d.report("processes", fine, "none runs yet")
	case workers == 0:
		d.report("processes", warn, "%v", errNoWorker)
	case len(versions) > 1:
		d.report("processes", warn, "several versions run at once: %s; replace the older ones",
			strings.Join(versions, ", "))
	default:
		d.report("processes", fine, "%d run, of which %d process videos; app status lists them", len(alive), workers)
	}
}

// errRuns means that a command must wait until no process uses the database.
func errRuns(alive []roster.Process) error {
	names := make([]string, len(alive))
	for i, p := range alive {
		names[i] = p.String()
	}
	return fmt.Errorf("stop these first: %s; one that was killed counts for 30 s more", strings.Join(names, ", "))
}
