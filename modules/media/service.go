package media

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Owned returns the caller's video. Somebody else's is errNotOwner, an unknown or malformed id errNotFound.
func (m *Module) Owned(ctx context.Context, callerID, id string) (Video, error) {
	if uuid.Validate(id) != nil {
		return Video{}, errNotFound
	}
	v, err := m.store.byID(ctx, id)
	if err != nil {
		return Video{}, err
	}
	if v.OwnerID != callerID {
		return Video{}, errNotOwner
	}
	return v, nil
}

// List returns one page of the caller's videos, the latest first, and how many there are. An empty status means all.
func (m *Module) List(ctx context.Context, callerID string, status Status, offset, limit int) ([]Video, int, error) {
	return m.store.byOwner(ctx, callerID, status, offset, limit)
}

// Retry makes the caller's failed video wait for processing again.
func (m *Module) Retry(ctx context.Context, callerID, id string) (Video, error) {
	v, err := m.Owned(ctx, callerID, id)
	if err != nil {
		return Video{}, err
	}
	requeued, err := m.store.requeue(ctx, id)
	if err != nil {
		return Video{}, err
	}
	if !requeued {
		return Video{}, errNotFailed
	}
	m.send(ctx, id)
	v.Status, v.Stage, v.FailureCode = Uploaded, stageQueued, ""
	return v, nil
}

// Delete removes the caller's video with its files, unless it has votes. A job on it ends by itself.
func (m *Module) Delete(ctx context.Context, callerID, id string) error {
	var keys []string
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		if _, err := m.Owned(ctx, callerID, id); err != nil {
			return err
		}
		// First, as it waits for a publication under way: only then are the entry to withdraw and the last keys known.
		v, deleted, err := m.store.delete(ctx, id)
		if err != nil {
			return err
		}
		if !deleted {
			return errNotFound
		}
		withdrawn, err := m.gallery.Withdraw(ctx, id)
		if err != nil {
			return err //nolint:wrapcheck // named by the port
		}
		if !withdrawn {
			return errHasVotes
		}
		keys = []string{v.OriginalKey, v.ProcessedKey, v.PosterKey}
		return m.store.unclaim(ctx, time.Now(), keys...)
	})
	if err != nil {
		return err //nolint:wrapcheck // faults and named errors from within
	}
	m.remove(context.WithoutCancel(ctx), keys...)
	return nil
}
