package media

import (
	"context"
	"fmt"
	"time"
)

// Published files are looked for in small steps, so that storage that is asked by each worker, and for money, is asked
// twice for each video in a round, and for 200 videos a minute at most.
const (
	lookBatch = 100
	lookEvery = 30 * time.Second
	// roundEvery is the shortest time between two looks for the same file.
	roundEvery = 10 * time.Minute
	// namedInLog is how many videos one line of the log names.
	namedInLog = 10
)

// WatchFiles looks, until ctx ends, whether the files of published videos are there. Those of which one is gone are
// marked, for their owners and in the gallery, until the file is back or new ones are published.
func (m *Module) WatchFiles(ctx context.Context) {
	for after, began := "", time.Now(); ; {
		last, err := m.lookForFiles(ctx, after)
		pause := lookEvery
		switch {
		case err != nil && ctx.Err() == nil:
			m.log.ErrorContext(ctx, "look for published files", "error", err)
		case err == nil && last == "":
			after, pause = "", max(lookEvery, roundEvery-time.Since(began))
			began = time.Now().Add(pause)
		case err == nil:
			after = last
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// lookForFiles looks for the files of the published videos that follow an id. It returns the last of their ids, or ""
// if none is left.
func (m *Module) lookForFiles(ctx context.Context, after string) (last string, err error) {
	videos, err := m.store.publishedAfter(ctx, after, lookBatch)
	if err != nil || len(videos) == 0 {
		return "", err
	}
	var lost, found []string
	for _, v := range videos {
		missing, err := m.lacksFile(ctx, v.checkedVideo)
		if err != nil {
			return "", err
		}
		if missing == v.missing {
			continue
		}
		marked, err := m.markMissing(ctx, v.checkedVideo, missing)
		switch {
		case err != nil:
			return "", err
		case marked && missing:
			lost = append(lost, v.ID)
		case marked:
			found = append(found, v.ID)
		}
	}
	if len(lost) > 0 {
		m.log.ErrorContext(ctx, "published files are gone; app reprocess makes them again from their originals",
			"count", len(lost), "videos", lost[:min(len(lost), namedInLog)])
	}
	if len(found) > 0 {
		m.log.InfoContext(ctx, "published files are back",
			"count", len(found), "videos", found[:min(len(found), namedInLog)])
	}
	if len(videos) < lookBatch {
		return "", nil
	}
	return videos[len(videos)-1].ID, nil
}

// lacksFile reports whether one of the published files of a video is not there.
func (m *Module) lacksFile(ctx context.Context, v checkedVideo) (bool, error) {
	c := check{Module: m}
	for kind, key := range v.needs() {
		if kind == MissingOriginal {
			continue
		}
		if missing, err := c.isMissing(ctx, key); err != nil || missing {
			return missing, err
		}
	}
	return false, nil
}

// markMissing marks a video, or takes the mark away, for its owner and in the gallery. It reports false if the video
// has changed since it was read.
func (m *Module) markMissing(ctx context.Context, v checkedVideo, missing bool) (marked bool, err error) {
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		if marked, err = m.store.setMissing(ctx, v, missing); err != nil || !marked {
			return err
		}
		return m.gallery.MarkMissing(ctx, v.ID, missing)
	})
	if err != nil {
		return false, fmt.Errorf("mark that files of video %s are missing: %w", v.ID, err)
	}
	return marked, nil
}

// CountMissing returns how many published videos lack a file.
func (m *Module) CountMissing(ctx context.Context) (int, error) {
	return m.store.countWithoutFiles(ctx)
}
