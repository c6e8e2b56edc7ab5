package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"risingstars/platform/storage"
)

const (
	// roundEvery and roundEveryRemote are the default time between two rounds: storage that is asked over a network may
	// cost money for each request.
	roundEvery       = time.Hour
	roundEveryRemote = 24 * time.Hour
	// askEvery is how often a worker asks the database whether a round is due.
	askEvery = time.Minute
	// namedInLog is how many videos one line of the log names.
	namedInLog = 10
)

// errRoundLost means that another worker goes on with the round.
var errRoundLost = errors.New("another worker has the round")

// WatchFiles looks, until ctx ends, whether the files of published videos are there. Those of which one is gone are
// marked, for their owners and in the gallery, until a round finds the file again or new ones are published.
//
// Any number of processes may watch: one at a time is on a round, and if it ends, another goes on where it was. Where
// files are on a local disk, a process begins a round as it starts, because that costs nothing.
func (m *Module) WatchFiles(ctx context.Context) {
	every, first := cmp.Or(m.o.LookEvery, roundEvery), time.Duration(0)
	if _, err := m.bucket.Path(ctx, m.o.ProcessedPrefix); errors.Is(err, errors.ErrUnsupported) {
		every = cmp.Or(m.o.LookEvery, roundEveryRemote)
		first = every
	}
	for due := first; ; {
		err := m.lookForFiles(ctx, due)
		if err == nil {
			due = every
		} else if ctx.Err() == nil {
			m.log.ErrorContext(ctx, "look for published files", "error", err)
		}
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
			return
		}
	}
}

// lookForFiles does a round, or what is left of one, if one is due and no other worker has it. After an error, nobody
// goes on with it for roundPause.
func (m *Module) lookForFiles(ctx context.Context, every time.Duration) error {
	claim, taken, err := m.store.takeRound(ctx, every)
	if err != nil || !taken {
		return err
	}
	r := &round{
		check: check{Module: m, present: fingerprints{seed: maphash.MakeSeed()}},
		claim: claim, renewed: time.Now(),
	}
	err = r.run(ctx)
	r.tell(ctx)

	// The rest must happen even if ctx has ended.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	switch {
	case err == nil:
		return m.store.completeRound(after, r.claim)
	case errors.Is(err, errRoundLost):
		return nil
	case ctx.Err() != nil:
		return errors.Join(err, m.store.leaveRound(after, r.claim, 0))
	}
	return errors.Join(err, m.store.leaveRound(after, r.claim, roundPause))
}

// round is one look through the published videos. It lists what storage has, a thousand files in a request, and asks
// only for what it has not listed: what is gone, was published meanwhile, or has an earlier configuration's prefix.
type round struct {
	check
	claim       roundClaim
	renewed     time.Time // the lease
	lost, found []string  // ids of videos
	videos      int
	failed      troubles
}

func (r *round) run(ctx context.Context) error {
	err := r.bucket.List(ctx, r.Module.o.ProcessedPrefix+"/", func(o storage.Object) error {
		r.present.add(o.Key)
		return r.keep(ctx)
	})
	if err != nil {
		return err
	}
	r.present.sort()
	for {
		videos, err := r.store.publishedAfter(ctx, r.claim.AfterID, checkBatch)
		if err != nil || len(videos) == 0 {
			return err
		}
		for _, v := range videos {
			err := r.video(ctx, v)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.failed.add(err)
			r.videos++
			if err := r.keep(ctx); err != nil {
				return err
			}
		}
		r.claim.AfterID = videos[len(videos)-1].ID
		if err := r.save(ctx); err != nil {
			return err
		}
	}
}

// keep renews the lease in good time.
func (r *round) keep(ctx context.Context) error {
	if time.Since(r.renewed) < roundLease/4 {
		return nil
	}
	return r.save(ctx)
}

func (r *round) save(ctx context.Context) error {
	kept, err := r.store.keepRound(ctx, r.claim)
	if err == nil && !kept {
		err = errRoundLost
	}
	r.renewed = time.Now()
	return err
}

// video marks the video, or takes the mark away, if that has changed.
func (r *round) video(ctx context.Context, v publishedVideo) error {
	missing, err := r.lacksFile(ctx, v.checkedVideo)
	if err != nil || missing == v.missing {
		return err
	}
	marked, err := r.markMissing(ctx, v.checkedVideo, missing)
	switch {
	case err != nil || !marked:
		return err
	case missing:
		r.lost = append(r.lost, v.ID)
	default:
		r.found = append(r.found, v.ID)
	}
	return nil
}

// lacksFile reports whether one of the published files of a video is not there.
func (r *round) lacksFile(ctx context.Context, v checkedVideo) (bool, error) {
	for kind, key := range v.needs() {
		if kind == MissingOriginal || r.present.has(key) {
			continue
		}
		if missing, err := r.isMissing(ctx, key); err != nil || missing {
			return missing, err
		}
	}
	return false, nil
}

// tell logs what the round has found, in a line for each sort.
func (r *round) tell(ctx context.Context) {
	if len(r.lost) > 0 {
		r.log.ErrorContext(ctx, "published files are gone; app reprocess makes them again from their originals",
			"count", len(r.lost), "videos", r.lost[:min(len(r.lost), namedInLog)])
	}
	if len(r.found) > 0 {
		r.log.InfoContext(ctx, "published files are back",
			"count", len(r.found), "videos", r.found[:min(len(r.found), namedInLog)])
	}
	if err := r.failed.of(r.videos, "look for the files of published videos"); err != nil {
		r.log.ErrorContext(ctx, "it is not known of every published file whether it is there", "error", err)
	}
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
