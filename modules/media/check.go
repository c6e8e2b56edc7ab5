package media

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/storage"
)

// checkBatch is how many files or rows are compared at a time.
const checkBatch = 500

// What a check finds.
const (
	// UnnamedFile is a file that no row names: neither a video nor an upload nor the list of orphans.
	UnnamedFile = "unnamed_file"
	// MissingOriginal is the original of a video that waits for a worker, or of a failed one.
	MissingOriginal = "missing_original"
	// MissingRendition and MissingPoster belong to a published video, in any size.
	MissingRendition = "missing_rendition"
	MissingPoster    = "missing_poster"
)

// What a repair does about it.
const (
	// ListOrphan lists a file as an orphan: the sweeper deletes it a day later, unless the list is restored before.
	ListOrphan = "delete in a day"
	// FailVideo tells the owner to upload the file again.
	FailVideo = "fail the video"
	// ProcessAgain makes new files from the original. The entry and its votes stay.
	ProcessAgain = "process again"
	// Nothing can be done but to restore the file from a backup. The entry stays, because its votes would be lost.
	Nothing = "restore the file"
)

// Finding is a file without a row, or a row without a file.
type Finding struct {
	Kind     string
	Key      string
	Size     int64  // bytes; 0 if the file is missing
	VideoID  string // "" if the file belongs to no video
	Remedy   string
	Repaired bool
}

// CheckOptions say what to check.
type CheckOptions struct {
	Grace  time.Duration // files that are younger are left out
	Repair bool
	Each   func(Finding) error // stops the check by an error
}

// Checked counts what was compared.
type Checked struct{ Files, Young, Videos int }

// CheckPrefixes returns an error if the latest original lies where renditions are published: the two prefixes have been
// swapped, and everybody could read originals.
func (m *Module) CheckPrefixes(ctx context.Context) error {
	key, err := m.store.latestOriginal(ctx)
	if err == nil && strings.HasPrefix(key, m.o.ProcessedPrefix+"/") {
		err = fmt.Errorf("originals are under %s/, where renditions are published; "+
			"have the prefixes of originals and renditions been swapped?", m.o.ProcessedPrefix)
	}
	return err
}

// CheckFiles compares storage with the rows, beside processes that are at work: what they are just changing is not
// found, and every repair depends on the state that was found. A repair deletes nothing. The originals of published
// videos may be missing, because a rule of the bucket may delete them. It needs 8 bytes of memory for each file. After
// a repair, WatchFiles looks anew.
func (m *Module) CheckFiles(ctx context.Context, o CheckOptions) (Checked, error) {
	c := &check{Module: m, o: o, began: time.Now(), present: fingerprints{seed: maphash.MakeSeed()}}
	for _, prefix := range c.prefixes() {
		if err := c.files(ctx, prefix); err != nil {
			return c.Checked, fmt.Errorf("check the files under %s: %w", prefix, err)
		}
	}
	c.present.sort()
	if err := c.videos(ctx); err != nil {
		return c.Checked, fmt.Errorf("check the files of videos: %w", err)
	}
	if o.Repair {
		return c.Checked, m.store.forgetRounds(ctx)
	}
	return c.Checked, nil
}

type check struct {
	*Module
	o       CheckOptions
	began   time.Time
	present fingerprints // of the keys of all files
	Checked
}

func (c *check) prefixes() []string {
	prefixes := []string{c.Module.o.UploadPrefix + "/", c.Module.o.ProcessedPrefix + "/"}
	slices.Sort(prefixes)
	if strings.HasPrefix(prefixes[1], prefixes[0]) {
		return prefixes[:1]
	}
	return prefixes
}

// files looks for rows of the files, and remembers the files.
func (c *check) files(ctx context.Context, prefix string) error {
	batch := make([]storage.Object, 0, checkBatch)
	err := c.bucket.List(ctx, prefix, func(o storage.Object) error {
		c.Files++
		c.present.add(o.Key)
		if c.began.Sub(o.ModTime) < c.o.Grace {
			c.Young++
			return nil
		}
		if batch = append(batch, o); len(batch) < checkBatch {
			return nil
		}
		err := c.findUnnamed(ctx, batch)
		batch = batch[:0]
		return err
	})
	if err != nil {
		return err
	}
	return c.findUnnamed(ctx, batch)
}

func (c *check) findUnnamed(ctx context.Context, files []storage.Object) error {
	if len(files) == 0 {
		return nil
	}
	keys, ids := make([]string, len(files)), make([]string, len(files))
	for i, file := range files {
		keys[i], ids[i] = file.Key, videoOf(file.Key)
	}
	named, err := c.store.named(ctx, keys, ids)
	if err != nil {
		return err
	}
	for i, file := range files {
		if named[file.Key] {
			continue
		}
		// It was listed before the rows were read, and may have been deleted with its row in between.
		now, err := c.bucket.Stat(ctx, file.Key)
		if errors.Is(err, storage.ErrNotFound) || err == nil && now.ETag != file.ETag {
			continue
		}
		if err != nil {
			return err
		}
		found := Finding{Kind: UnnamedFile, Key: file.Key, Size: file.Size, VideoID: ids[i], Remedy: ListOrphan}
		if c.o.Repair {
			if found.Repaired, err = c.store.disown(ctx, file.Key, ids[i]); err != nil {
				return err
			}
		}
		if err := c.o.Each(found); err != nil {
			return err
		}
	}
	return nil
}

// videoOf returns the video or upload whose id begins the file's name, or "".
func videoOf(key string) string {
	const length = 36
	if name := path.Base(key); len(name) >= length && uuid.Validate(name[:length]) == nil {
		return name[:length]
	}
	return ""
}

// videos looks for the files that rows name.
func (c *check) videos(ctx context.Context) error {
	for after := ""; ; {
		videos, err := c.store.withFiles(ctx, after, checkBatch)
		if err != nil || len(videos) == 0 {
			return err
		}
		for _, v := range videos {
			c.Videos++
			for kind, key := range v.needs() {
				if err := c.find(ctx, v, kind, key); err != nil {
					return err
				}
			}
		}
		after = videos[len(videos)-1].ID
	}
}

// find reports the file if it is missing.
func (c *check) find(ctx context.Context, v checkedVideo, kind, key string) error {
	if c.present.has(key) {
		return nil
	}
	missing, err := c.isMissing(ctx, key)
	if err != nil || !missing {
		return err
	}
	// The row was read before storage was asked, and may have changed with its files in between.
	if same, err := c.store.unchanged(ctx, v); err != nil || !same {
		return err
	}
	found := Finding{Kind: kind, Key: key, VideoID: v.ID, Remedy: FailVideo}
	if kind != MissingOriginal {
		found.Remedy = Nothing
		if v.OriginalKey != "" {
			missing, err := c.isMissing(ctx, v.OriginalKey)
			if err != nil {
				return err
			}
			if !missing {
				found.Remedy = ProcessAgain
			}
		}
	}
	if c.o.Repair {
		if found.Repaired, err = c.repair(ctx, v, found.Remedy); err != nil {
			return err
		}
	}
	return c.o.Each(found)
}

func (c *check) isMissing(ctx context.Context, key string) (bool, error) {
	_, err := c.bucket.Stat(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	return false, err
}

func (c *check) repair(ctx context.Context, v checkedVideo, remedy string) (bool, error) {
	switch remedy {
	case FailVideo:
		lose := func(ctx context.Context) (bool, error) { return c.store.lose(ctx, v) }
		if v.Status == Failed { // of which others know already
			return lose(ctx)
		}
		lost, err := c.failAndTell(ctx, v.ID, lose)
		if lost {
			c.metrics.failed.WithLabelValues(codeOriginalLost).Inc()
		}
		return lost, err
	case ProcessAgain:
		return c.store.processAgain(ctx, v)
	}
	return false, nil
}

// fingerprints is a set of keys in 8 bytes each. That it has a key that was not added is as likely as one in 2⁶⁴ for
// each of its keys.
type fingerprints struct {
	seed maphash.Seed
	sums []uint64
}

func (f *fingerprints) add(key string) { f.sums = append(f.sums, maphash.String(f.seed, key)) }

func (f *fingerprints) sort() { slices.Sort(f.sums) }

func (f *fingerprints) has(key string) bool {
	_, found := slices.BinarySearch(f.sums, maphash.String(f.seed, key))
	return found
}

// EachPublished calls each with the ids of all videos that the gallery must show, in batches. It stops at the first
// error of each and returns it.
func (m *Module) EachPublished(ctx context.Context, each func(videoIDs []string) error) error {
	return m.store.eachPublished(ctx, each)
}

// Outputs returns the files of those videos that the gallery must show.
func (m *Module) Outputs(ctx context.Context, videoIDs []string) (map[string]Output, error) {
	return m.store.outputs(ctx, videoIDs)
}
