package voting

import (
	"context"

	"github.com/google/uuid"
)

// Vote casts the caller's one vote for a video and returns the video's new total.
func (m *Module) Vote(ctx context.Context, videoID, voterID string) (total int, err error) {
	if uuid.Validate(videoID) != nil {
		return 0, errNoEntry
	}
	if err := m.mayVote(ctx, voterID); err != nil {
		return 0, err
	}
	if err = m.proved(ctx, voterID); err == nil {
		total, err = m.lanes.cast(ctx, videoID, voterID)
		err = m.withdrawnIfHidden(ctx, videoID, err)
	}
	m.metrics.votes.WithLabelValues(outcomeOf(ctx, err)).Inc()
	return total, err
}

// proved returns errUnverified if votes require a proved e-mail and the voter has none.
func (m *Module) proved(ctx context.Context, voterID string) error {
	lacking, err := m.LacksProof(ctx, voterID)
	if lacking {
		err = errUnverified
	}
	return err
}

// RequiresProof reports whether votes require a proved e-mail.
func (m *Module) RequiresProof() bool { return m.voters != nil }

// LacksProof reports whether votes require a proved e-mail and the voter has none.
func (m *Module) LacksProof(ctx context.Context, voterID string) (bool, error) {
	if !m.RequiresProof() {
		return false, nil
	}
	ok, err := m.voters.Verified(ctx, voterID)
	return !ok && err == nil, err
}

// admit returns the voters whose ballots for an entry of the contestant are to be counted, and decides the others.
func (m *Module) admit(ballots []*ballot, contestantID string) (voters []string) {
	for _, b := range ballots {
		if b.err = nil; b.voterID == contestantID && !m.o.SelfVotes {
			b.err = errSelfVote
		} else {
			voters = append(voters, b.voterID)
		}
	}
	return voters
}

// settle decides ballots that were counted. added are those whose vote is new; total includes them.
func settle(ballots []*ballot, added map[string]bool, total int) {
	total -= len(added)
	for _, b := range ballots {
		switch {
		case b.err != nil:
		case added[b.voterID]:
			delete(added, b.voterID) // whoever votes twice at once has one new vote
			total++
			b.total = total
		default:
			b.err = errAlreadyVoted
		}
	}
}

// Unvote removes the caller's vote for a video and returns the video's new total. The error is errNoEntry, and nothing
// changes, if the entry is withdrawn meanwhile.
func (m *Module) Unvote(ctx context.Context, videoID, voterID string) (total int, err error) {
	if uuid.Validate(videoID) != nil {
		return 0, errNoEntry
	}
	if err := m.mayVote(ctx, voterID); err != nil {
		return 0, err
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		contestantID, err := m.store.contestant(ctx, videoID)
		if err != nil {
			return err
		}
		removed, err := m.store.removeVote(ctx, videoID, contestantID, voterID)
		if err != nil {
			return err
		}
		if !removed {
			return errNotVoted
		}
		total, err = m.store.tally(ctx, videoID)
		return err
	})
	err = m.withdrawnIfHidden(ctx, videoID, err)
	m.metrics.unvotes.WithLabelValues(outcomeOf(ctx, err)).Inc()
	return total, err
}

// Voted returns those among videoIDs for which the voter's vote counts.
func (m *Module) Voted(ctx context.Context, voterID string, videoIDs []string) (map[string]bool, error) {
	if voterID == "" || len(videoIDs) == 0 {
		return nil, nil
	}
	return m.store.voted(ctx, voterID, videoIDs)
}

// VotedFor returns one page of the entries that a person has voted for, the latest vote first, and how many there are.
func (m *Module) VotedFor(ctx context.Context, voterID string, offset, limit int) ([]Entry, int, error) {
	return m.store.votedFor(ctx, voterID, offset, limit)
}

// Tallies returns the votes for each published video among videoIDs, also for those that are hidden; the other videos
// are missing from the map.
func (m *Module) Tallies(ctx context.Context, videoIDs []string) (map[string]int, error) {
	tallies, err := m.store.tallies(ctx, videoIDs)
	if err != nil || len(tallies) == len(videoIDs) {
		return tallies, err
	}
	hidden, err := m.store.hiddenEntries(ctx, videoIDs)
	for _, e := range hidden {
		tallies[e.VideoID] = e.Votes
	}
	return tallies, err
}
