package voting

import (
	"context"

	"github.com/google/uuid"
)

// Vote casts the caller's one vote for a video and returns the video's new total.
func (m *Module) Vote(ctx context.Context, videoID, voterID string) (total int, err error) {
	return m.changeVotes(ctx, videoID, func(ctx context.Context, contestantID string) error {
		if contestantID == voterID && !m.o.SelfVotes {
			return errSelfVote
		}
		added, err := m.store.addVote(ctx, videoID, contestantID, voterID)
		if err == nil && !added {
			return errAlreadyVoted
		}
		return err
	})
}

// Unvote removes the caller's vote for a video and returns the video's new total.
func (m *Module) Unvote(ctx context.Context, videoID, voterID string) (total int, err error) {
	return m.changeVotes(ctx, videoID, func(ctx context.Context, contestantID string) error {
		removed, err := m.store.removeVote(ctx, videoID, contestantID, voterID)
		if err == nil && !removed {
			return errNotVoted
		}
		return err
	})
}

// changeVotes applies a change to the votes for a video in one transaction and returns the video's new total. The error
// is errNoEntry, and nothing changes, if the entry is withdrawn meanwhile.
func (m *Module) changeVotes(
	ctx context.Context, videoID string, apply func(ctx context.Context, contestantID string) error,
) (total int, err error) {
	if uuid.Validate(videoID) != nil {
		return 0, errNoEntry
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		contestantID, err := m.store.contestant(ctx, videoID)
		if err != nil {
			return err
		}
		if err := apply(ctx, contestantID); err != nil {
			return err
		}
		total, err = m.store.tally(ctx, videoID)
		return err
	})
	return total, err
}

// Tallies returns the votes for each published video among videoIDs; the other videos are missing from the map.
func (m *Module) Tallies(ctx context.Context, videoIDs []string) (map[string]int, error) {
	return m.store.tallies(ctx, videoIDs)
}
