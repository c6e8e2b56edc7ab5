package voting

import (
	"context"
	"log/slog"
	"time"
)

const (
	driftEvery = 30 * time.Second
	// driftBatch bounds what a sample costs, which is a visit of each vote for its entries.
	driftBatch = 20
)

// WatchCounters compares, until ctx ends, the number of votes of some entries after the others with their votes, and
// tells the metrics and the log. Any number of processes may watch.
func (m *Module) WatchCounters(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(driftEvery)
	defer ticker.Stop()
	r := counterRound{}
	for {
		if err := m.sample(ctx, &r); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the votes of entries were not compared", "error", err)
		}
		for _, wrong := range r.fresh {
			log.ErrorContext(ctx, "an entry's number of votes differs from its votes",
				"video_id", wrong.ID, "counted", wrong.Counted, "present", wrong.Present)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// counterRound is a look through all entries.
type counterRound struct {
	after       string // the id of the last entry that was compared
	wrong, last int    // entries of this round until now, and of the whole one before
	fresh       []Miscount
}

// sample compares the next entries of a round, or begins another.
func (m *Module) sample(ctx context.Context, r *counterRound) error {
	r.fresh = nil
	ids, err := m.store.entriesAfter(ctx, r.after, driftBatch)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if r.fresh, err = m.store.miscountedEntries(ctx, ids); err != nil {
			return err
		}
		r.after = ids[len(ids)-1]
	}
	m.metrics.compared.Add(float64(len(ids)))
	r.wrong += len(r.fresh)
	if len(ids) < driftBatch {
		r.after, r.last, r.wrong = "", r.wrong, 0
	}
	m.metrics.drift.Set(float64(max(r.wrong, r.last)))
	return nil
}
