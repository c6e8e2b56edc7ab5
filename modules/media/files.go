package media

import (
	"context"
	"errors"
	"fmt"
)

// troubles counts the failures in a batch and keeps the first, so that a batch has one line in the log.
type troubles struct {
	n     int
	first error
}

func (t *troubles) add(err error) {
	if err == nil {
		return
	}
	if t.n++; t.n == 1 {
		t.first = err
	}
}

// of returns nil if there were no failures among total.
func (t *troubles) of(total int, what string) error {
	if t.n == 0 {
		return nil
	}
	return fmt.Errorf("%s: %d of %d failed, the first: %w", what, t.n, total, t.first)
}

// deleteFiles deletes condemned files, as many as it can until ctx ends. The sweeper tries the others again.
func (m *Module) deleteFiles(ctx context.Context, files []condemned) error {
	_, err := m.deleteSome(ctx, files)
	return err
}

// deleteSome is deleteFiles that also returns how many it has deleted.
func (m *Module) deleteSome(ctx context.Context, files []condemned) (n int, err error) {
	var failed troubles
	for _, file := range files {
		failed.add(m.deleteFile(ctx, file))
	}
	return len(files) - failed.n, failed.of(len(files), "delete files")
}

func (m *Module) deleteFile(ctx context.Context, file condemned) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cleanupTimeout)
	defer cancel()
	if err := m.bucket.Delete(ctx, file.StorageKey); err != nil {
		return err
	}
	return m.store.deleted(ctx, file)
}

// tryDeleteFiles is deleteFiles after a commit, even if ctx has ended. It logs what fails.
func (m *Module) tryDeleteFiles(ctx context.Context, files []condemned) {
	if err := m.deleteFiles(context.WithoutCancel(ctx), files); err != nil {
		m.log.WarnContext(ctx, "files were not deleted; the sweeper will try again", "error", err)
	}
}

// discard deletes the files at keys that belong to no video after err, even if ctx has ended. If the outcome of a
// commit is unknown, it may have succeeded, and a file that a row points to must stay: so only orphans go. After
// errDiscarded it is known that no row points to any of them, and one that arrived after its entry was deleted is
// listed again.
func (m *Module) discard(ctx context.Context, err error, keys ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	condemn := m.store.condemnOrphans
	if errors.Is(err, errDiscarded) {
		condemn = func(ctx context.Context, keys ...string) ([]condemned, error) {
			return m.store.condemn(ctx, firstPause, keys...)
		}
	}
	files, err := condemn(ctx, keys...)
	if err == nil {
		err = m.deleteFiles(ctx, files)
	}
	if err != nil {
		m.log.WarnContext(ctx, "files were not deleted; the sweeper will delete those that are orphans",
			"keys", keys, "error", err)
	}
}
