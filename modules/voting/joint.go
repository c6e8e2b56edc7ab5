package voting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"risingstars/platform/batch"
	"risingstars/platform/database"
	"risingstars/platform/fault"
)

const (
	// mostJoint is how many lanes share a transaction at most, and jointBallots is how many ballots a lane may have for
	// that: a longer one is worth a transaction of its own.
	mostJoint    = 64
	jointBallots = 32
	// jointRunners is how many such transactions are under way at once, so that one that waits for a lock does not hold
	// up all. On SQLite, which has one writer, the second one is written while the first is committed.
	jointRunners       = 4
	jointRunnersSQLite = 2
)

// errVanished is why votes are cast again one lane after the other: an entry was withdrawn meanwhile.
var errVanished = errors.New("an entry is gone")

// laneBatch is the next batch of one lane, and its outcome.
type laneBatch struct {
	ctx     context.Context //nolint:containedctx // a transaction has many
	videoID string
	ballots []*ballot
	err     error
}

// joint has the batches of different lanes share a transaction if they wait at the same time. So many videos with a
// voter each are as quick as one with many.
func (m *Module) joint() func(ctx context.Context, videoID string, ballots []*ballot) error {
	queues := map[database.Dialect]*batch.Queue[*laneBatch]{
		database.PostgreSQL: batch.New(mostJoint, jointRunners, m.castJointly),
		database.SQLite:     batch.New(mostJoint, jointRunnersSQLite, m.castJointly),
	}
	return func(ctx context.Context, videoID string, ballots []*ballot) error {
		if len(ballots) > jointBallots {
			return m.castLane(ctx, videoID, ballots)
		}
		b := &laneBatch{ctx, videoID, ballots, errBatch}
		queues[m.store.db.Dialect()].Do(b)
		return b.err
	}
}

// castJointly casts the batches of several lanes. If that certainly had no effect, it casts one after the other.
func (m *Module) castJointly(batches []*laneBatch) {
	decided := 0
	defer func() { // after a panic, too
		for _, b := range batches[decided:] {
			b.err = errBatch
		}
	}()
	if len(batches) > 1 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(batches[0].ctx), batchTimeout)
		defer cancel()
		err := m.castTogether(ctx, batches)
		if err == nil || errors.Is(err, database.ErrUnknownOutcome) || errors.Is(err, fault.ErrUnavailable) {
			for _, b := range batches {
				b.err = cmp.Or(err, b.err)
			}
			decided = len(batches)
			return
		}
	}
	for _, b := range batches {
		b.err = m.castAlone(b)
		decided++
	}
}

// castAlone is castLane for a lane that holds up the others for no longer than batchTimeout.
func (m *Module) castAlone(b *laneBatch) error {
	ctx, cancel := context.WithTimeout(b.ctx, batchTimeout)
	defer cancel()
	return m.castLane(ctx, b.videoID, b.ballots)
}

// castLane casts votes for one video in one transaction and decides each ballot. After database.ErrUnknownOutcome the
// votes may have been cast; after any other error nothing has changed. None is decided then.
func (m *Module) castLane(ctx context.Context, videoID string, ballots []*ballot) error {
	b := &laneBatch{ctx, videoID, ballots, nil}
	err := m.castTogether(ctx, []*laneBatch{b})
	if errors.Is(err, errVanished) {
		return errNoEntry
	}
	return cmp.Or(err, b.err)
}

// castTogether is castLane for several videos; the error of a lane alone is errNoEntry.
func (m *Module) castTogether(ctx context.Context, batches []*laneBatch) error {
	ids := make([]string, len(batches))
	for i, b := range batches {
		ids[i] = b.videoID
	}
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		contestants, err := m.store.contestants(ctx, ids)
		if err != nil {
			return err
		}
		var votes []newVote
		for _, b := range batches {
			contestantID, ok := contestants[b.videoID]
			if b.err = nil; !ok {
				b.err = errNoEntry
				continue
			}
			for _, voter := range m.admit(b.ballots, contestantID) {
				votes = append(votes, newVote{b.videoID, voter, contestantID})
			}
		}
		added, err := m.store.addVotes(ctx, votes)
		if err != nil {
			return err
		}
		totals, err := m.store.tallies(ctx, ids)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if b.err != nil {
				continue
			}
			total, ok := totals[b.videoID]
			if !ok {
				return errVanished
			}
			owner := contestants[b.videoID]
			if err := m.tellMilestones(ctx, b.videoID, owner, len(added[b.videoID]), total); err != nil {
				return err
			}
			settle(b.ballots, added[b.videoID], total)
		}
		return nil
	})
}

// newVote is one that is to be stored.
type newVote struct{ videoID, voterID, contestantID string }

func (v newVote) compare(other newVote) int {
	if c := strings.Compare(v.videoID, other.videoID); c != 0 {
		return c
	}
	return strings.Compare(v.voterID, other.voterID)
}

// sortVotes returns the votes in the order in which their rows are locked, each once.
func sortVotes(votes []newVote) []newVote {
	slices.SortFunc(votes, newVote.compare)
	return slices.Compact(votes)
}

func wrapVotes(err error) error {
	if err != nil {
		return fmt.Errorf("store votes: %w", err)
	}
	return nil
}
