package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"risingstars/config"
	"risingstars/modules/media"
	"risingstars/platform/database"
	"risingstars/platform/disk"
	"risingstars/platform/queue"
	"risingstars/platform/storage"
	"risingstars/platform/telemetry"
)

// errUnhealthy makes `app doctor` exit with 1. The table says why.
var errUnhealthy = errors.New("the service would not work; see the lines marked FAIL")

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that the configured stage needs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, report, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			d := &doctor{c: c, warnings: report.Warnings}
			d.examine(cmd.Context())
			return d.print(cmd.OutOrStdout())
		},
	}
}

// doctor runs checks and collects their findings. A check that fails does not stop the others.
type doctor struct {
	c        *config.Config
	warnings config.Problems // of the configuration
	findings []finding
}

type finding struct{ check, verdict, detail string }

const (
	fine = "ok"
	warn = "warn"
	fail = "FAIL"
)

func (d *doctor) report(check, verdict, format string, args ...any) {
	d.findings = append(d.findings, finding{check, verdict, fmt.Sprintf(format, args...)})
}

// verdict returns how a check went, or "" if it has not been run.
func (d *doctor) verdict(check string) string {
	for _, f := range d.findings {
		if f.check == check {
			return f.verdict
		}
	}
	return ""
}

func (d *doctor) examine(ctx context.Context) {
	d.report("build", fine, "%s", build())
	d.report("configuration", fine, "queue %s, storage %s", d.c.Queue.Backend, d.c.Storage.Backend)
	for _, warning := range d.warnings {
		if !strings.HasPrefix(warning, trustedProxies) {
			d.report("configuration", warn, "%s", warning)
		}
	}
	b := d.ffmpeg(ctx)
	d.disk()
	d.proxies()
	d.https(ctx)
	a := &app{
		c: d.c, log: slog.New(slog.DiscardHandler), registry: telemetry.NewRegistry(), disks: newDisks(d.c, nil),
		access: database.Look,
	}
	if d.database(ctx, a) {
		d.processes(ctx, a)
		d.missingFiles(ctx, a)
	}
	d.secret(a)
	d.queue(ctx, a)
	d.storage(ctx, a)
	d.backup()
	d.branding(ctx, a, b)
	if err := a.close(); err != nil {
		d.report("closing", fail, "%v", err)
	}
}

func (d *doctor) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	sick := false
	for _, f := range d.findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.verdict, f.check, oneLine(f.detail))
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

// ffmpeg returns the branding, whose videos it has measured, and nothing of it if ffmpeg cannot be run.
func (d *doctor) ffmpeg(ctx context.Context) *brand {
	cacheDir, forget, err := temporaryFolder(d.c)
	if err != nil {
		d.report("ffmpeg", fail, "%v", err)
		return nil
	}
	defer forget()
	b, err := readBrand(d.c, cacheDir, nil)
	problems, wrong := errors.AsType[config.Problems](err)
	for _, problem := range problems {
		d.report("branding", fail, "%s", problem)
	}
	for _, warning := range b.warnings {
		d.report("branding", warn, "%s", warning)
	}
	if wrong { // then the built-in branding serves to look at ffmpeg
		b.processor, err = media.NewProcessor(processorOptions(d.c, cacheDir))
	}
	if err != nil {
		d.report("ffmpeg", fail, "%v", err)
		return nil
	}
	d.tools(ctx, b.processor)
	if wrong {
		return nil
	}
	return &b
}

func (d *doctor) tools(ctx context.Context, processor *media.Processor) {
	tools, err := processor.Inspect(ctx)
	switch {
	case err != nil:
		d.report("ffmpeg", fail, "%v", err)
	case tools.Err() != nil:
		d.report("ffmpeg", fail, "%v", tools.Err())
	case len(tools.MissingDecoders) > 0:
		d.report("ffmpeg", warn, "%s lacks %s, so clips that need it will be rejected",
			tools.Version, strings.Join(tools.MissingDecoders, ", "))
	default:
		d.report("ffmpeg", fine, "%s", tools.Version)
	}
	for _, wall := range processor.Walls() {
		if wall.Missing == "" {
			d.report("box: "+wall.Name, fine, "stands around ffmpeg")
		} else {
			d.report("box: "+wall.Name, warn, "missing around ffmpeg: %s", wall.Missing)
		}
	}
	if err == nil && d.c.Storage.Backend == "s3" && !tools.InParts {
		d.report("originals", warn, "this kernel does not hand over ffmpeg's reads (seccomp, Linux 5.5), so originals "+
			"are copied whole into the work folder")
	}
}

// disk requires on each volume, above its reserve, room for two of the largest uploads (an original and its rendition),
// and warns below twenty.
func (d *doctor) disk() {
	for _, v := range volumesOf(d.c) {
		state, err := v.state()
		if err != nil {
			d.report("disk "+v.name, fail, "%s: %v", v.variable, err)
			continue
		}
		verdict := fine
		switch {
		case state.Spare() < 2*state.Largest || state.Spare() < 0:
			verdict = fail
		case state.Spare() < 20*state.Largest:
			verdict = warn
		}
		d.report("disk "+v.name, verdict, "%s (DISK_RESERVE_BYTES); an upload may have up to %d MiB",
			state, d.c.Upload.MaxBytes>>20)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// existing returns the folder, or the nearest one above it that exists.
func existing(path string) string {
	path, err := filepath.Abs(path)
	for ; err == nil && path != filepath.Dir(path); path = filepath.Dir(path) {
		if exists(path) {
			break
		}
	}
	return path
}

// trustedProxies begins the warnings that proxies reports.
const trustedProxies = "TRUSTED_PROXIES: "

func (d *doctor) proxies() {
	everyone := func(network netip.Prefix) bool { return network.Bits() == 0 }
	for _, warning := range d.warnings {
		if strings.HasPrefix(warning, trustedProxies) {
			verdict := warn
			if slices.ContainsFunc(d.c.HTTP.TrustedProxies, everyone) {
				verdict = fail
			}
			d.report("proxies", verdict, "%s", warning)
			return
		}
	}
	switch {
	case len(d.c.HTTP.TrustedProxies) == 0 && d.c.HTTP.PublicURL != "" && len(d.c.HTTP.Domains) == 0:
		d.report("proxies", warn, "PUBLIC_URL is set but TRUSTED_PROXIES is not: behind a proxy, all clients share "+
			"one rate limit")
	case len(d.c.HTTP.TrustedProxies) == 0:
		d.report("proxies", fine, "none is trusted, so X-Forwarded headers are ignored")
	default:
		d.report("proxies", fine, "trusted: %v", d.c.HTTP.TrustedProxies)
	}
}

// database reports whether the database can be asked.
func (d *doctor) database(ctx context.Context, a *app) bool {
	var began, now time.Time
	err := a.openDatabase(ctx)
	if err == nil {
		began = time.Now()
		now, err = a.db.Now(ctx)
	}
	if errors.Is(err, database.ErrNoDatabase) {
		d.report("database", warn, "%v; serve or migrate up creates it", err)
		d.report("clock", warn, "not compared with the database's")
		return false
	}
	if err != nil {
		d.report("database", fail, "%v", err)
		d.report("clock", warn, "not checked, because the database's clock cannot be read")
		return false
	}
	took := time.Since(began)
	d.report("database", fine, "%s, migrated, answers in %s", a.db.Dialect(), took.Round(time.Microsecond))
	// Leases and tokens compare the clocks of hosts: they tolerate seconds, not a minute.
	drift := now.Sub(began.Add(took / 2)).Abs()
	switch {
	case drift > 5*time.Second:
		d.report("clock", fail, "differs from the database's by %s; run an NTP client on both hosts",
			drift.Round(time.Millisecond))
	case began.Year() < 2026:
		d.report("clock", fail, "shows %s, which is in the past; run an NTP client", began.Format(time.RFC3339))
	default:
		d.report("clock", fine, "%s, within %s of the database's",
			began.UTC().Format(time.RFC3339), max(drift, time.Millisecond).Round(time.Millisecond))
	}
	return true
}

func (d *doctor) queue(ctx context.Context, a *app) {
	if a.db == nil && d.c.Queue.Backend == "embedded" {
		d.report("queue", warn, "is kept in the database, and so was not checked")
		return
	}
	var stats queue.Stats
	err := a.openQueue(ctx)
	if err == nil {
		stats, err = a.queue.Stats(ctx)
	}
	switch {
	case err != nil:
		d.report("queue", fail, "%v", err)
	case stats.Dead > 0:
		d.report("queue", warn, "%d dead letters; list them with: app queue dead", stats.Dead)
	default:
		d.report("queue", fine, "%s", describe(stats))
	}
}

func describe(s queue.Stats) string {
	return fmt.Sprintf("%d tasks ready, %d in flight, %d delayed; the oldest has been ready for %s",
		s.Ready, s.InFlight, s.Delayed, s.OldestReady.Round(time.Second))
}

// storage looks at a local folder, and tries a bucket, whose rules only a write can tell.
func (d *doctor) storage(ctx context.Context, a *app) {
	if d.c.Storage.Backend == "local" {
		d.folder()
		return
	}
	// On AWS, workers may write under this prefix only.
	key := fmt.Sprintf("%s/doctor-%d.mp4", d.c.Storage.ProcessedPrefix, os.Getpid())
	content := []byte("a probe")
	err := a.openStorage(ctx)
	if err == nil {
		_, err = a.bucket.Put(ctx, key, bytes.NewReader(content), storage.PutOptions{})
	}
	if err == nil {
		var object storage.Object
		if object, err = a.bucket.Stat(ctx, key); err == nil && object.Size != int64(len(content)) {
			err = fmt.Errorf("%d bytes were written, but the object has %d", len(content), object.Size)
		}
		err = errors.Join(err, a.bucket.Delete(ctx, key))
	}
	if err != nil {
		d.report("storage", fail, "%v", err)
		return
	}
	d.report("storage", fine, "%s: files can be written, found and deleted", d.c.Storage.Backend)
}

// folder checks the folders of local storage.
func (d *doctor) folder() {
	root := d.c.FilesPath()
	if !exists(root) {
		d.report("storage", warn, "%s does not exist yet; serve creates it", root)
		return
	}
	for _, folder := range []string{".", d.c.Storage.UploadPrefix, d.c.Storage.ProcessedPrefix} {
		folder = filepath.Join(root, filepath.FromSlash(folder))
		if !exists(folder) {
			continue
		}
		if err := disk.CheckFolder(folder); err != nil {
			d.report("storage", fail, "%v", err)
			return
		}
	}
	d.report("storage", fine, "local: %s can be read and changed", root)
}

// secret checks the key that signs tokens and links to local files.
func (d *doctor) secret(a *app) {
	if _, err := os.Stat(d.c.SecretPath()); errors.Is(err, fs.ErrNotExist) && d.c.Auth.SecretKey == "" {
		d.report("secret", warn, "%s does not exist yet; serve creates it", d.c.SecretPath())
		return
	}
	if err := a.openSecret(); err != nil {
		d.report("secret", fail, "%v", err)
		return
	}
	if d.c.Auth.SecretKey != "" {
		d.report("secret", fine, "SECRET_KEY has %d bytes", len(d.c.Auth.SecretKey))
		return
	}
	info, err := os.Stat(d.c.SecretPath())
	switch {
	case err != nil:
		d.report("secret", fail, "%v", err)
	case info.Mode().Perm()&0o077 != 0:
		d.report("secret", fail, "other users can read %s; run: chmod 600 %[1]s", d.c.SecretPath())
	default:
		d.report("secret", fine, "is kept in %s", d.c.SecretPath())
	}
}
