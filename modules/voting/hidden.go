package voting

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// Hide takes an entry out of the gallery, with its votes, for as long as a moderator likes. It joins the transaction in
// ctx. It reports false if a moderator hides the entry already. The error is errNoEntry if there is none.
func (m *Module) Hide(ctx context.Context, videoID string) (bool, error) {
	return m.moderate(ctx, videoID, true)
}

// Show undoes Hide. The entry comes back with its votes, unless its owner is absent. It reports false if no moderator
// hides the entry.
func (m *Module) Show(ctx context.Context, videoID string) (bool, error) {
	return m.moderate(ctx, videoID, false)
}

func (m *Module) moderate(ctx context.Context, videoID string, hidden bool) (changed bool, err error) {
	if uuid.Validate(videoID) != nil {
		return false, errNoEntry
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		done, err := m.store.moderate(ctx, videoID, hidden)
		changed = done.changed
		if err == nil && done.takenOut != "" {
			err = m.tellHidden(ctx, done.takenOut, true, videoID)
		}
		if err == nil && done.untold {
			err = m.tellShown(ctx, videoID)
		}
		return err
	})
	return changed, err
}

// HideOwner takes the entries of an absent person out of the gallery, and whatever they publish until ShowOwner. It
// joins the transaction in ctx, and returns how many entries it took out.
func (m *Module) HideOwner(ctx context.Context, userID string) (int, error) {
	return m.setAbsent(ctx, userID, true)
}

// ShowOwner undoes HideOwner. Entries that a moderator hides stay hidden.
func (m *Module) ShowOwner(ctx context.Context, userID string) (int, error) {
	return m.setAbsent(ctx, userID, false)
}

func (m *Module) setAbsent(ctx context.Context, userID string, absent bool) (moved int, err error) {
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		ids, untold, err := m.store.setAbsent(ctx, userID, absent)
		if moved = len(ids); err == nil && absent {
			err = m.tellHidden(ctx, userID, false, ids...)
		}
		if err == nil {
			err = m.tellShown(ctx, untold...)
		}
		return err
	})
	return moved, err
}

// KnownEntry returns an entry that is shown or hidden, and whether it is hidden.
func (m *Module) KnownEntry(ctx context.Context, videoID string) (e Entry, hidden bool, err error) {
	e, err = m.EntryOf(ctx, videoID)
	if !errors.Is(err, errWithdrawn) {
		return e, false, err
	}
	found, err := m.store.hiddenEntries(ctx, []string{videoID})
	if err == nil && len(found) == 0 { // it was shown again meanwhile
		err = errNoEntry
	}
	if err != nil {
		return Entry{}, false, err
	}
	return found[0], true, nil
}

// KnownEntries returns those among videoIDs that are shown or hidden, by id.
func (m *Module) KnownEntries(ctx context.Context, videoIDs []string) (map[string]Entry, error) {
	known := make(map[string]Entry, len(videoIDs))
	hidden, err := m.store.hiddenEntries(ctx, videoIDs)
	if err != nil {
		return nil, err
	}
	shown, err := m.store.shownEntries(ctx, videoIDs)
	for _, e := range append(hidden, shown...) {
		known[e.VideoID] = e
	}
	return known, err
}

// HiddenAmong reports which of the videos are hidden.
func (m *Module) HiddenAmong(ctx context.Context, videoIDs []string) (map[string]bool, error) {
	found, err := m.store.hiddenEntries(ctx, videoIDs)
	hidden := make(map[string]bool, len(found))
	for _, e := range found {
		hidden[e.VideoID] = true
	}
	return hidden, err
}

// withdrawnIfHidden returns errWithdrawn in place of errNoEntry if the entry is hidden, and in place of errNotVoted if
// the vote was moved along meanwhile.
func (m *Module) withdrawnIfHidden(ctx context.Context, videoID string, err error) error {
	if !errors.Is(err, errNoEntry) && !errors.Is(err, errNotVoted) {
		return err
	}
	found, readErr := m.store.hiddenEntries(ctx, []string{videoID})
	if readErr != nil {
		return readErr
	}
	if len(found) > 0 {
		return errWithdrawn
	}
	return err
}

// ShownOf returns how many entries of a person are shown, and how many votes they have.
func (m *Module) ShownOf(ctx context.Context, userID string) (entries, votes int, err error) {
	return m.store.shownOf(ctx, userID)
}

// ClaimUnconcealed returns a hidden entry whose files have names that somebody may know, and "" if none waits. Nobody
// else gets it within a minute, nor does the caller after a failure, so that others have their turn.
func (m *Module) ClaimUnconcealed(ctx context.Context) (string, error) {
	return m.store.claimUnconcealed(ctx)
}

// MarkConcealed notes that nobody knows the names of a hidden entry's files, of which the rendition has this key.
func (m *Module) MarkConcealed(ctx context.Context, videoID, processedKey string) error {
	return m.store.markConcealed(ctx, videoID, processedKey)
}
