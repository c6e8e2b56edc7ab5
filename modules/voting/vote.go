package voting

import (
	"context"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/fault"
)

var (
	errNoEntry = fault.New(fault.NotFound, "not_found",
		"Este video no existe o no está publicado.",
		"This video does not exist or is not published.")
	errAlreadyVoted = fault.New(fault.Conflict, "already_voted",
		"Ya votaste por este video.",
		"You have already voted for this video.")
	errNotVoted = fault.New(fault.Conflict, "not_voted",
		"No has votado por este video.",
		"You have not voted for this video.")
	errSelfVote = fault.New(fault.Conflict, "self_vote",
		"No puedes votar por tu propio video.",
		"You cannot vote for your own video.")
)

// Vote casts the caller's one vote for a video and returns the video's new total.
func (m *Module) Vote(ctx context.Context, videoID, voterID string) (total int, err error) {
	return m.change(ctx, videoID, func(ctx context.Context, entry Entry) error {
		if entry.UserID == voterID && !m.o.SelfVotes {
			return errSelfVote
		}
		cast, err := m.store.insertVote(ctx, vote{
			VideoID: videoID, UserID: voterID, ContestantID: entry.UserID, CreatedAt: time.Now(),
		})
		if err == nil && !cast {
			return errAlreadyVoted
		}
		return err
	})
}

// Unvote takes the caller's vote back and returns the video's new total.
func (m *Module) Unvote(ctx context.Context, videoID, voterID string) (total int, err error) {
	return m.change(ctx, videoID, func(ctx context.Context, entry Entry) error {
		taken, err := m.store.deleteVote(ctx, videoID, voterID, entry.UserID)
		if err == nil && !taken {
			return errNotVoted
		}
		return err
	})
}

func (m *Module) change(ctx context.Context, videoID string, apply func(context.Context, Entry) error) (total int, err error) {
	if uuid.Validate(videoID) != nil {
		return 0, errNoEntry
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		entry, err := m.store.entry(ctx, videoID)
		if err != nil {
			return err
		}
		if err := apply(ctx, entry); err != nil {
			return err
		}
		entry, err = m.store.entry(ctx, videoID)
		total = entry.Votes
		return err
	})
	return total, err
}

// Tallies returns the votes of each published video among videoIDs; the others are missing.
func (m *Module) Tallies(ctx context.Context, videoIDs []string) (map[string]int, error) {
	return m.store.tallies(ctx, videoIDs)
}
