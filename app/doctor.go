package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"risingstars/config"
	"risingstars/platform/queue"
	"risingstars/platform/storage"
)

// errUnhealthy makes `app doctor` exit with 1; the table has said why.
var errUnhealthy = errors.New("something would fail later; see the lines marked FAIL")

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that the configured stage needs, before it is needed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(config.DotenvPath(), cmd.Flags())
			if err != nil {
				return err
			}
			d := &doctor{c: c}
			d.examine(cmd.Context())
			return d.print(cmd.OutOrStdout())
		},
	}
}

// doctor collects findings. A check that fails does not keep the others from running.
type doctor struct {
	c        *config.Config
	findings []finding
}

type finding struct{ check, verdict, detail string }

const (
	fine = "ok"
	warn = "warn"
	fail = "FAIL"
)

func (d *doctor) say(check, verdict, format string, args ...any) {
	d.findings = append(d.findings, finding{check, verdict, fmt.Sprintf(format, args...)})
}

func (d *doctor) examine(ctx context.Context) {
	d.say("configuration", fine, "queue %s, storage %s", d.c.Queue.Backend, d.c.Storage.Backend)
	d.ffmpeg(ctx)
	d.disk()
	d.proxies()
	a := &app{c: d.c, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
	d.database(ctx, a)
	d.secret(a)
	d.queue(ctx, a)
	d.storage(ctx, a)
	if err := a.close(); err != nil {
		d.say("closing", fail, "%v", err)
	}
}

func (d *doctor) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	sick := false
	for _, f := range d.findings {
		detail := strings.Join(strings.Fields(f.detail), " ") // some errors have several lines
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.verdict, f.check, detail)
		sick = sick || f.verdict == fail
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if sick {
		return errUnhealthy
	}
	return nil
}

func (d *doctor) ffmpeg(ctx context.Context) {
	processor, err := newProcessor(d.c)
	if err != nil {
		d.say("ffmpeg", fail, "%v", err)
		return
	}
	tools, err := processor.Inspect(ctx)
	switch {
	case err != nil:
		d.say("ffmpeg", fail, "%v", err)
	case len(tools.Missing) > 0:
		d.say("ffmpeg", fail, "%s lacks %s: install a full build", tools.Version, strings.Join(tools.Missing, ", "))
	case len(tools.MissingDecoders) > 0:
		d.say("ffmpeg", warn, "%s lacks %s: such clips will be refused", tools.Version, strings.Join(tools.MissingDecoders, ", "))
	default:
		d.say("ffmpeg", fine, "%s", tools.Version)
	}
	if err == nil && !tools.Isolated {
		d.say("isolation", warn, "this system forbids network namespaces, so ffmpeg runs with the protocol whitelist alone")
	}
	if err == nil && !tools.Capped {
		d.say("caps", warn, "this system cannot cap the CPU time, memory and file size of ffmpeg: process only clips that you trust")
	}
}

// disk wants room for the largest upload several times: the original, what is made of it, and the next one.
func (d *doctor) disk() {
	var stat syscall.Statfs_t
	if err := errors.Join(os.MkdirAll(d.c.Data.Dir, 0o750), syscall.Statfs(d.c.Data.Dir, &stat)); err != nil {
		d.say("disk", fail, "DATA_DIR: %v", err)
		return
	}
	const mib = 1 << 20
	free := int64(stat.Bavail * uint64(stat.Bsize)) // the fields' types differ between systems
	verdict := fine
	switch {
	case free < 2*d.c.Upload.MaxBytes:
		verdict = fail
	case free < 20*d.c.Upload.MaxBytes:
		verdict = warn
	}
	d.say("disk", verdict, "%d MiB free in %s; the largest upload takes %d MiB", free/mib, d.c.Data.Dir, d.c.Upload.MaxBytes/mib)
}

func (d *doctor) proxies() {
	everyone := false
	for _, prefix := range d.c.HTTP.TrustedProxies {
		everyone = everyone || prefix.Bits() == 0
	}
	switch {
	case everyone:
		d.say("proxies", fail, "TRUSTED_PROXIES believes everyone, so anyone can pretend to be anyone; name the proxy's network")
	case len(d.c.HTTP.TrustedProxies) == 0 && d.c.HTTP.PublicURL != "":
		d.say("proxies", warn, "PUBLIC_URL is set but TRUSTED_PROXIES is not: behind a proxy all clients share one rate limit")
	case len(d.c.HTTP.TrustedProxies) == 0:
		d.say("proxies", fine, "none trusted: X-Forwarded headers are ignored")
	default:
		d.say("proxies", fine, "%v trusted", d.c.HTTP.TrustedProxies)
	}
}

func (d *doctor) database(ctx context.Context, a *app) {
	var began, now time.Time
	err := a.openDatabase(ctx)
	if err == nil {
		began = time.Now()
		now, err = a.db.Now(ctx)
	}
	if err != nil {
		d.say("database", fail, "%v", err)
		d.say("clock", warn, "not compared, because the database's cannot be read")
		return
	}
	took := time.Since(began)
	d.say("database", fine, "%s, migrated, answers in %s", a.db.Dialect(), took.Round(time.Microsecond))
	// Leases and tokens compare the clocks of hosts: seconds matter, a minute breaks them.
	drift := now.Sub(began.Add(took / 2)).Abs()
	switch {
	case drift > 5*time.Second:
		d.say("clock", fail, "%s away from the database's: run an NTP client on both hosts", drift.Round(time.Millisecond))
	case began.Year() < 2026:
		d.say("clock", fail, "it says %s", began.Format(time.RFC3339))
	default:
		d.say("clock", fine, "%s, within %s of the database's", began.UTC().Format(time.RFC3339), max(drift, time.Millisecond).Round(time.Millisecond))
	}
}

func (d *doctor) queue(ctx context.Context, a *app) {
	if a.db == nil && d.c.Queue.Backend == "embedded" {
		d.say("queue", fail, "it is in the database")
		return
	}
	var stats queue.Stats
	err := a.openQueue(ctx)
	if err == nil {
		stats, err = a.queue.Stats(ctx)
	}
	switch {
	case err != nil:
		d.say("queue", fail, "%v", err)
	case stats.Dead > 0:
		d.say("queue", warn, "%d dead letters: see app queue dead", stats.Dead)
	default:
		d.say("queue", fine, "%s", describe(stats))
	}
}

func describe(s queue.Stats) string {
	return fmt.Sprintf("%d ready, %d in flight, %d delayed, oldest %s", s.Ready, s.InFlight, s.Delayed, s.OldestReady.Round(time.Second))
}

// storage writes, reads and deletes one small object, as an upload would.
func (d *doctor) storage(ctx context.Context, a *app) {
	key := fmt.Sprintf("%s/doctor-%d.mp4", d.c.Storage.ProcessedPrefix, os.Getpid()) // where workers may write, on AWS too
	content := []byte("a probe")
	err := a.openStorage(ctx)
	if err == nil {
		_, err = a.bucket.Put(ctx, key, bytes.NewReader(content), storage.PutOptions{})
	}
	if err == nil {
		var object storage.Object
		if object, err = a.bucket.Stat(ctx, key); err == nil && object.Size != int64(len(content)) {
			err = fmt.Errorf("%d bytes were written and %d are there", len(content), object.Size)
		}
		err = errors.Join(err, a.bucket.Delete(ctx, key))
	}
	if err != nil {
		d.say("storage", fail, "%v", err)
		return
	}
	d.say("storage", fine, "%s: a file can be written, found and deleted", d.c.Storage.Backend)
}

// secret opens what links to local files are signed with, too.
func (d *doctor) secret(a *app) {
	if err := a.openSecret(); err != nil {
		d.say("secret", fail, "%v", err)
		return
	}
	if d.c.Auth.SecretKey != "" {
		d.say("secret", fine, "SECRET_KEY has %d bytes", len(d.c.Auth.SecretKey))
		return
	}
	info, err := os.Stat(d.c.SecretPath())
	switch {
	case err != nil:
		d.say("secret", fail, "%v", err)
	case info.Mode().Perm()&0o077 != 0:
		d.say("secret", fail, "%s can be read by others: chmod 600 it", d.c.SecretPath())
	default:
		d.say("secret", fine, "kept in %s", d.c.SecretPath())
	}
}
