package media

import (
	"context"
	"errors"
	"fmt"
)

// EraseOwner erases the videos of a person, of whom nothing is published any more, with their files, and the uploads
// that are under way. It goes on where it was interrupted; files that cannot be deleted now are left to the sweeper.
func (m *Module) EraseOwner(ctx context.Context, ownerID string) error {
	uploads, err := m.direct.rows.allOf(ctx, ownerID)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		if err := m.direct.cancel(ctx, u); err != nil && !errors.Is(err, errNoUpload) {
			return err
		}
	}
	for {
		videos, _, err := m.store.byOwner(ctx, ownerID, "", 0, sweepBatch)
		if err != nil {
			return err
		}
		for _, v := range videos {
			if err := m.Delete(ctx, ownerID, v.ID); err != nil && !errors.Is(err, errNotFound) {
				return fmt.Errorf("erase video %s: %w", v.ID, err)
			}
		}
		if len(videos) == 0 {
			return m.store.forgetOwner(ctx, ownerID)
		}
	}
}
