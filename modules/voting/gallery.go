package voting

import (
	"context"

	"github.com/google/uuid"
)

// Order is how the gallery is sorted.
type Order string

// The orders: latest published first or last, and most voted first or last. Each is the reverse of another one.
const (
	Recent     Order = "recent"
	Oldest     Order = "oldest"
	MostVoted  Order = "votes"
	LeastVoted Order = "fewest votes"
)

// Publish adds an entry to the gallery and its contestant to the ranking. It joins the transaction in ctx. Of an
// entry that is published already it replaces the files; votes and texts stay. One that is hidden stays hidden, and so
// does what an absent person publishes.
func (m *Module) Publish(ctx context.Context, entry Entry) error {
	return m.store.publish(ctx, entry)
}

// Withdraw removes a video from the gallery and, with the last one, its contestant from the ranking. It joins the
// transaction in ctx. It reports false, and changes nothing, if the video has votes. A video that was never published
// counts as removed.
func (m *Module) Withdraw(ctx context.Context, videoID string) (bool, error) {
	return m.store.withdraw(ctx, videoID)
}

// MarkMissing says of an entry whether files of it are gone. It joins the transaction in ctx.
func (m *Module) MarkMissing(ctx context.Context, videoID string, missing bool) error {
	return m.store.markMissing(ctx, videoID, missing)
}

// GalleryPage is one page of the published entries.
type GalleryPage struct {
	Entries []Entry
	Total   int   // on all pages
	Next    *Mark // nil on the last page
}

// Gallery returns the window of the published entries.
func (m *Module) Gallery(ctx context.Context, filter Filter, order Order, window Window) (GalleryPage, error) {
	return m.store.entries(ctx, filter, order, window)
}

// EntryOf returns the published entry of a video. The error is errWithdrawn if the entry is hidden.
func (m *Module) EntryOf(ctx context.Context, videoID string) (Entry, error) {
	if uuid.Validate(videoID) != nil {
		return Entry{}, errNoEntry
	}
	entry, err := m.store.entry(ctx, videoID)
	return entry, m.withdrawnIfHidden(ctx, videoID, err)
}
