package archive

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/storage"
)

const (
	sweepEvery = 5 * time.Second
	sweepBatch = 50
	// strayEvery is how often files without rows are looked for, and strayAge how old these must be.
	strayEvery = 6 * time.Hour
	strayAge   = 24 * time.Hour
)

// Sweep sends, until ctx ends, the tasks that the queue may have lost, and deletes copies whose time is over, and
// files that no row names, as after a restored backup. Any number of processes may sweep at the same time.
func (m *Module) Sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	trouble := ""
	var looked time.Time
	for {
		err := m.sweepOnce(ctx)
		if time.Since(looked) > strayEvery {
			looked = time.Now()
			err = errors.Join(err, m.deleteStrays(ctx))
		}
		switch {
		case err == nil:
			trouble = ""
		case ctx.Err() == nil && err.Error() != trouble: // during an outage the error stays the same
			trouble = err.Error()
			m.log.ErrorContext(ctx, "sweep copies", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (m *Module) sweepOnce(ctx context.Context) error {
	ids, err := m.store.silent(ctx, m.o.ResendAfter, sweepBatch)
	for _, id := range ids {
		m.send(ctx, id)
	}
	return errors.Join(err, m.store.expire(ctx), m.deleteOver(ctx))
}

// deleteOver deletes the files of copies that nobody wants or makes any more, and then their rows.
func (m *Module) deleteOver(ctx context.Context) error {
	ids, err := m.store.over(ctx, sweepBatch)
	if err != nil {
		return err
	}
	var failed error
	for _, id := range ids {
		if err := m.bucket.Delete(ctx, keyOf(id)); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		failed = errors.Join(failed, m.store.delete(ctx, id))
	}
	if failed != nil {
		return fmt.Errorf("delete copies: %w", failed)
	}
	return nil
}

// deleteStrays deletes old files that no row names.
func (m *Module) deleteStrays(ctx context.Context) error {
	var failed error
	err := m.bucket.List(ctx, Prefix+"/", func(o storage.Object) error {
		id := strings.TrimSuffix(path.Base(o.Key), ".zip")
		if uuid.Validate(id) != nil || o.Key != keyOf(id) || time.Since(o.ModTime) < strayAge { // or not ours
			return nil
		}
		known, err := m.store.exists(ctx, id)
		if err == nil && !known {
			err = m.bucket.Delete(ctx, o.Key)
		}
		failed = errors.Join(failed, err)
		return nil
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("look for stray copies: %w", err)
	}
	return nil
}
