package voting

import (
	"context"

	"github.com/google/uuid"
)

// Publish adds an entry to the gallery and its contestant to the ranking. It joins the transaction in ctx. An entry
// is published once; a second time is an error.
func (m *Module) Publish(ctx context.Context, entry Entry) error {
	return m.store.publish(ctx, entry)
}

// Withdraw takes a video out of the gallery, and its contestant out of the ranking with the last one. It joins the
// transaction in ctx. It says false, and changes nothing, when the video has votes; a video that was never published is
// withdrawn already.
func (m *Module) Withdraw(ctx context.Context, videoID string) (bool, error) {
	return m.store.withdraw(ctx, videoID)
}

// Gallery returns one page of the published entries, and how many there are in all.
func (m *Module) Gallery(ctx context.Context, filter Filter, order Order, offset, limit int) ([]Entry, int, error) {
	return m.store.entries(ctx, filter, order, offset, limit)
}

// Entry returns one published entry.
func (m *Module) Entry(ctx context.Context, videoID string) (Entry, error) {
	if uuid.Validate(videoID) != nil {
		return Entry{}, errNoEntry
	}
	return m.store.entry(ctx, videoID)
}
