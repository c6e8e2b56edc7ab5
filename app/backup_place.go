package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"risingstars/config"
	"risingstars/platform/backup"
	"risingstars/platform/disk"
	"risingstars/platform/scratch"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
	"risingstars/platform/storage/s3store"
)

func placeOf(c *config.Config, args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return filepath.Join(c.Data.Dir, "backups")
}

// openPlace opens a folder, a bucket or a file. With look, it must exist; otherwise it leaves the service its room.
func openPlace(ctx context.Context, c *config.Config, target string, look bool) (backup.Place, error) {
	if rest, ok := strings.CutPrefix(target, "s3://"); ok {
		at, err := url.Parse("s3://" + rest)
		if err != nil || at.Host == "" {
			return nil, usageError{fmt.Errorf("%s is no s3://BUCKET/PREFIX", target)}
		}
		work, err := scratch.Open(filepath.Join(os.TempDir(), "showcase-backup"))
		if err != nil {
			return nil, err
		}
		store, err := s3store.Open(ctx, s3store.Options{
			Bucket: at.Host, Region: c.AWS.Region, EndpointURL: c.AWS.EndpointURL, Scratch: work,
		})
		if err != nil {
			return nil, errors.Join(err, work.Close())
		}
		return closing{backup.In(storage.New(store, storage.Options{}), at.Path), work.Close}, nil
	}
	if look && !exists(target) {
		return nil, fmt.Errorf("%s: %w", target, backup.ErrNone)
	}
	if backup.IsFile(target) {
		p, err := backup.Single(target)
		if err != nil || look {
			return p, err
		}
		return within(c, p, filepath.Dir(target))
	}
	if !look && holdsFiles(c, target) {
		return nil, usageError{fmt.Errorf("%s holds the contest's own files: take another folder", target)}
	}
	store, err := diskstore.Open(diskstore.Options{
		Root: target, Secret: bytes.Repeat([]byte{1}, 32), Look: look, // no link is made
	})
	if err != nil {
		return nil, fmt.Errorf("open the folder %s: %w", target, err)
	}
	p := closing{backup.In(storage.New(store, storage.Options{}), ""), store.Close}
	if look {
		return p, nil
	}
	return within(c, p, target)
}

// holdsFiles reports whether the files of backups in a folder would be among those of the contest.
func holdsFiles(c *config.Config, folder string) bool {
	at, err := realPath(filepath.Join(folder, "files"))
	if err != nil {
		return false // it is not there yet, so it holds nothing
	}
	own, err := realPath(c.FilesPath())
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(at, own)
	return err == nil && filepath.IsLocal(rel)
}

func realPath(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// within lets a place on a disk of the service use no more of it than uploads may. A disk of its own it may fill.
func within(c *config.Config, p backup.Place, folder string) (backup.Place, error) {
	disks := newDisks(c, nil)
	at, err := disks.Add("backups", folder)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	for _, v := range volumesOf(c) {
		if with, err := disk.Same(existing(v.path), folder); err != nil || with {
			return backup.Within(p, at), nil
		}
	}
	return p, nil
}

// closing is a place that closes what it is on.
type closing struct {
	backup.Place

	close func() error
}

func (c closing) Close() error { return c.close() }
