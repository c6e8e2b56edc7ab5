package voting

import "context"

// firstMilestone is the first number of votes that others are told of. The next are 50, 100, 500, 1,000 and so on.
const firstMilestone = 10

// milestones returns the round numbers above one number of votes, up to another.
func milestones(before, votes int) (reached []int) {
	for n, times := firstMilestone, 5; n <= votes; n, times = n*times, 10/times {
		if n > before {
			reached = append(reached, n)
		}
	}
	return reached
}

// tellMilestones tells which round numbers an entry has reached with votes that are new.
func (m *Module) tellMilestones(ctx context.Context, videoID, ownerID string, added, votes int) error {
	if m.herald == nil {
		return nil
	}
	for _, n := range milestones(votes-added, votes) {
		if err := m.herald.Reached(ctx, videoID, ownerID, n); err != nil {
			return err
		}
	}
	return nil
}

// tellShown tells which entries are shown for the first time, because their owners were absent when they were
// published.
func (m *Module) tellShown(ctx context.Context, videoIDs ...string) error {
	if m.herald == nil || len(videoIDs) == 0 {
		return nil
	}
	entries, err := m.store.shownEntries(ctx, videoIDs)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := m.herald.Shown(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// tellHidden tells which entries are shown no longer.
func (m *Module) tellHidden(ctx context.Context, ownerID string, moderated bool, videoIDs ...string) error {
	if m.herald == nil {
		return nil
	}
	for _, id := range videoIDs {
		if err := m.herald.Hidden(ctx, id, ownerID, moderated); err != nil {
			return err
		}
	}
	return nil
}
