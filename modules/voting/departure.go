package voting

import (
	"context"
	"fmt"
	"time"
)

// Leave takes the entries of a person who has left out of the gallery, and whatever they publish until Return. From
// then on, MoveVotes takes their own votes back. It joins the transaction in ctx, and may be repeated.
func (m *Module) Leave(ctx context.Context, userID string) error {
	return m.setGone(ctx, userID, true, true)
}

// Return undoes Leave: MoveVotes gives the votes again. The entries come back if shown is set, but for those that a
// moderator hides.
func (m *Module) Return(ctx context.Context, userID string, shown bool) error {
	return m.setGone(ctx, userID, false, !shown)
}

func (m *Module) setGone(ctx context.Context, userID string, gone, absent bool) error {
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		if _, err := m.setAbsent(ctx, userID, absent); err != nil {
			return err
		}
		return m.store.setGone(ctx, userID, gone)
	})
}

// MoveVotes takes the votes of a person who is gone back, or gives them again to one who has returned, each in a
// transaction of its own. It goes on where it was interrupted, and may run several times at once.
func (m *Module) MoveVotes(ctx context.Context, userID string) error {
	for more := true; more; {
		err := m.store.db.InTx(ctx, func(ctx context.Context) (err error) {
			more, err = m.store.moveVote(ctx, userID)
			return err
		})
		if err != nil {
			return fmt.Errorf("move the votes of %s: %w", userID, err)
		}
	}
	return nil
}

// EraseOwner erases the entries of a person who is gone, with everybody's votes for them, and what is known of votes
// that they had cast. It goes on where it was interrupted.
func (m *Module) EraseOwner(ctx context.Context, userID string) error {
	if err := m.Leave(ctx, userID); err != nil {
		return err
	}
	if err := m.MoveVotes(ctx, userID); err != nil {
		return err
	}
	for more := true; more; {
		err := m.store.db.InTx(ctx, func(ctx context.Context) (err error) {
			more, err = m.store.eraseEntry(ctx, userID)
			return err
		})
		if err != nil {
			return fmt.Errorf("erase the entries of %s: %w", userID, err)
		}
	}
	return m.store.eraseVoter(ctx, userID)
}

// CastVote is a vote as its voter may read it.
type CastVote struct {
	VideoID string
	At      time.Time // of the first time, if it was taken back and given again
	State   string    // counted, hidden (with the entry) or withdrawn
}

// VotesBy returns all votes that a person has cast, the earliest first.
func (m *Module) VotesBy(ctx context.Context, userID string) ([]CastVote, error) {
	return m.store.votesBy(ctx, userID)
}
