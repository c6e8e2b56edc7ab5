package app

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/config"
	"risingstars/platform/database"
	"risingstars/platform/disk"
	"risingstars/platform/lifecycle"
	"risingstars/platform/scratch"
	"risingstars/platform/telemetry"
)

// diskEvery is how often the free space is examined, beside the examinations before each upload and job.
const diskEvery = 5 * time.Second

// newDisks returns the volumes of a process, none of which is added yet. registerer may be nil.
func newDisks(c *config.Config, registerer prometheus.Registerer) *disk.Disks {
	return disk.New(disk.Options{
		Reserve: c.Data.DiskReserve, Largest: c.Upload.MaxBytes, Registerer: registerer,
	})
}

// openDisks adds the volume of SQLite and, for a worker or for uploads to S3, that of temporary files. openStorage adds
// that of the files.
func (a *app) openDisks(worker bool) (err error) {
	a.disks = newDisks(a.c, a.registry)
	if a.access != database.Create { // whatever is missing stays so
		return nil
	}
	if a.c.Embedded() {
		_, err = a.disks.Watch("data", a.c.Data.Dir)
		if err == nil { // SQLite may need its room to open
			a.ballast = disk.NewBallast(filepath.Join(a.c.Data.Dir, "ballast"))
			_, err = a.ballast.Keep(a.disks.Exhausted(), true)
		}
		if err != nil {
			return withVariable("DATA_DIR", err)
		}
	}
	if !worker && a.c.Storage.Backend != "s3" {
		return nil
	}
	if a.workDir, err = scratch.Open(a.c.WorkPath()); err == nil {
		a.closers = append(a.closers, a.workDir.Close)
		_, err = a.disks.Add("work", a.c.WorkPath())
	}
	return withVariable(folderVariable("WORK_DIR", a.c.Data.WorkDir), err)
}

// volume is one on which a process of this configuration has a folder.
type volume struct {
	name, variable, path string
	add                  func(name, path string) (*disk.Volume, error)
}

// volumesOf returns the volumes that a process may use, in the order of their importance.
func volumesOf(c *config.Config) []volume {
	disks := newDisks(c, nil)
	all := []volume{{"data", "DATA_DIR", c.Data.Dir, disks.Watch}}
	if c.Storage.Backend == "local" {
		all = append(all, volume{"files", "FILES_DIR", c.FilesPath(), disks.Add})
	}
	return append(all, volume{"work", "WORK_DIR", c.WorkPath(), disks.Add})
}

// state examines the volume. A folder that is missing will be created on the volume of the nearest one that is there.
func (v volume) state() (disk.State, error) {
	found, err := v.add(v.name, existing(v.path))
	if err != nil {
		return disk.State{}, err
	}
	return found.State()
}

// folderVariable returns the variable that says where a folder is: its own if that is set.
func folderVariable(own, value string) string {
	if value == "" {
		return "DATA_DIR"
	}
	return own
}

// diskCheck fails while the largest upload does not fit on one of the volumes.
func (a *app) diskCheck() telemetry.Check {
	return telemetry.Check{Name: "disk", Run: func(context.Context) error {
		if low := a.disks.Low(); len(low) > 0 {
			return errors.New(strings.Join(low, "; "))
		}
		return nil
	}}
}

// diskWatch logs when a volume is low and when none is any more, and looks after the ballast.
func (a *app) diskWatch() lifecycle.Service {
	return lifecycle.Loop("disk", func(ctx context.Context) {
		ticker := time.NewTicker(diskEvery)
		defer ticker.Stop()
		for known := false; ; {
			known = a.examineDisks(ctx, known)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

// examineDisks reports whether a volume is low; known says whether one was at the last call.
func (a *app) examineDisks(ctx context.Context, known bool) (low bool) {
	volumes := a.disks.Low()
	switch {
	case len(volumes) > 0 && !known:
		a.log.WarnContext(ctx, "uploads may be refused, because a disk is nearly full; delete something, or set a "+
			"smaller DISK_RESERVE_BYTES", "volumes", volumes)
	case len(volumes) == 0 && known:
		a.log.InfoContext(ctx, "there is room for uploads again")
	}
	if a.ballast == nil {
		return len(volumes) > 0
	}
	switch dropped, err := a.ballast.Keep(a.disks.Exhausted(), len(volumes) > 0); {
	case err != nil:
		a.log.ErrorContext(ctx, "the ballast of the database's volume", "error", err)
	case dropped:
		a.log.ErrorContext(ctx, "the disk is full; its ballast was dropped, so that deleting goes on")
	}
	return len(volumes) > 0
}
