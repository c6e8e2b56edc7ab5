package media

import (
	"context"
	"time"
)

// deleteFiles deletes files that no row points to any more and that are listed as orphans. The sweeper deletes those
// that cannot be deleted now.
func (m *Module) deleteFiles(ctx context.Context, keys ...string) {
	for _, key := range keys {
		if key == "" {
			continue
		}
		err := m.bucket.Delete(ctx, key)
		if err == nil {
			err = m.store.deleteOrphan(ctx, key)
		}
		if err != nil {
			m.log.WarnContext(ctx, "a file was not deleted; the sweeper will try again", "key", key, "error", err)
		}
	}
}

// deleteOrphans deletes the files that are orphans among keys, even if ctx has ended. It is for cleaning up after an
// error: if the outcome of a commit is unknown, it may have succeeded, and a file that a row points to must stay.
func (m *Module) deleteOrphans(ctx context.Context, keys ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	for _, key := range keys {
		orphaned, err := m.store.expireOrphan(ctx, key, time.Now())
		if err != nil {
			m.log.WarnContext(ctx, "a file was not deleted; the sweeper will delete it if it is an orphan",
				"key", key, "error", err)
		} else if orphaned {
			m.deleteFiles(ctx, key)
		}
	}
}
