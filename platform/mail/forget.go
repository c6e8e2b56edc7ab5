package mail

import (
	"context"
	"errors"
	"slices"
)

// Forget forgets all letters about an account, also those that could not be sent, with the files of those that no
// server has sent. A letter that is under way at this moment arrives, and is forgotten as well. It may be repeated.
func (p *Post) Forget(ctx context.Context, userID string) error {
	if userID == "" {
		return nil
	}
	ids, err := p.store.giveUp(ctx, userID)
	if err != nil {
		return err
	}
	return p.forget(ctx, ids)
}

// forgetOld forgets letters of which nobody needs to know any more that there was one.
func (p *Post) forgetOld(ctx context.Context) error {
	for ctx.Err() == nil {
		ids, err := p.store.old(ctx, keepTraces, forgetBatch)
		if err == nil && len(ids) > 0 {
			err = p.forget(ctx, ids)
		}
		if err != nil {
			return errors.Join(err, p.o.Folder.forgetOld(keepTraces))
		}
		if len(ids) == 0 {
			break
		}
	}
	return p.o.Folder.forgetOld(keepTraces)
}

// forget deletes letters: the files first, because the rows name them.
func (p *Post) forget(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if err := p.o.Folder.forget(id); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(ids, forgetBatch) {
		if err := p.store.delete(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
