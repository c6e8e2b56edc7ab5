package media

import "context"

// tellPublished tells of a first publication.
func (m *Module) tellPublished(ctx context.Context, old Video, e Entry) error {
	if m.herald == nil || old.ProcessedKey != "" {
		return nil
	}
	return m.herald.Published(ctx, e)
}

// failAndTell runs what lets a video fail, and tells of it in the same transaction. It reports false, and tells
// nothing, if fail does.
func (m *Module) failAndTell(
	ctx context.Context, id string, fail func(ctx context.Context) (bool, error),
) (failed bool, err error) {
	if m.herald == nil {
		return fail(ctx)
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		if failed, err = fail(ctx); err != nil || !failed {
			return err
		}
		v, err := m.store.byID(ctx, id)
		if err != nil {
			return err
		}
		return m.herald.Failed(ctx, id, v.OwnerID, v.FailureCode, v.Attempt)
	})
	return failed && err == nil, err
}
