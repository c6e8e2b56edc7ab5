package media

import (
	"context"
	"errors"
)

// errNotProcessed means that there is nothing to process again.
var errNotProcessed = errors.New("the video is not published, or its original is gone")

// Reprocess makes a published video wait for a worker again: its new files replace the old ones, which stay meanwhile,
// as its votes do. The error is errNotFound for an unknown video, and errNotProcessed for one that is not published or
// has no original any more.
func (m *Module) Reprocess(ctx context.Context, id string) error {
	v, err := m.store.checked(ctx, id)
	if err != nil {
		return err
	}
	if v.Status != Processed || v.OriginalKey == "" {
		return errNotProcessed
	}
	again, err := m.store.processAgain(ctx, v)
	if err == nil && !again { // it has changed meanwhile
		err = errNotProcessed
	}
	return err
}
