package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/config"
	"risingstars/platform/disk"
)

// The time of the latest backup stands in a file in DATA_DIR: `app backup` is another process, and may write to a place
// that serve cannot read. Where the folders differ, nothing is known.
func backupNote(c *config.Config) string { return filepath.Join(c.Data.Dir, "backed_up_at") }

// noteBackup lets the processes with this DATA_DIR know that a backup of that moment is complete.
func noteBackup(c *config.Config, at time.Time) error {
	path := backupNote(c)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintln(f, at.UTC().Format(time.RFC3339))
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return disk.SyncFolder(filepath.Dir(path))
}

// backedUpAt returns the moment of the latest backup that is known; the zero time if none is.
func backedUpAt(c *config.Config) (time.Time, error) {
	text, err := os.ReadFile(backupNote(c))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil {
		return time.Time{}, fmt.Errorf("read %s: %w", backupNote(c), err)
	}
	return at, nil
}

// backupAge reads the note when metrics are scraped. Without one there is no metric: a contest that is backed up in
// another way must not alarm anybody. Nor is there one of a note that cannot be read, which the doctor reports.
type backupAge struct{ c *config.Config }

var backedUp = prometheus.NewDesc("backup_last_success_timestamp_seconds",
	"Moment of the latest complete `app backup`; missing if none is known here.", nil, nil)

func (b backupAge) Describe(descs chan<- *prometheus.Desc) { descs <- backedUp }

func (b backupAge) Collect(metrics chan<- prometheus.Metric) {
	if at, err := backedUpAt(b.c); err == nil && !at.IsZero() {
		metrics <- prometheus.MustNewConstMetric(backedUp, prometheus.GaugeValue, float64(at.Unix()))
	}
}

// backup warns when the latest backup is old. Where backups are made elsewhere, as by RDS, nothing is said.
func (d *doctor) backup() {
	const old = 26 * time.Hour // as the alert BackupTooOld
	switch at, err := backedUpAt(d.c); {
	case err != nil:
		d.report("backup", warn, "%v", err)
	case at.IsZero() && d.c.Embedded():
		d.report("backup", warn, "none is known; make one with: app backup")
	case at.IsZero():
	case time.Since(at) > old:
		d.report("backup", warn, "the latest complete one is %d hours old", int(time.Since(at).Hours()))
	default:
		d.report("backup", fine, "the latest complete one is of %s", at.Format(time.RFC3339))
	}
}
