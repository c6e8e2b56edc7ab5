package mail

import (
	"context"
	"slices"
)

// keeper is a Carrier that keeps what it has carried.
type keeper interface {
	// Forget deletes a message. It may be repeated.
	Forget(id string) error
}

var _ keeper = (*Folder)(nil)

// Forget forgets all letters about an account, also those that could not be sent, with the files of those that no
// server sends. A letter that is under way at this moment arrives, and is forgotten as well. It may be repeated.
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
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := p.forget(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes letters: the files first, because the rows name them.
func (p *Post) forget(ctx context.Context, ids []string) error {
	if k, ok := p.o.Carrier.(keeper); ok {
		for _, id := range ids {
			if err := k.Forget(id); err != nil {
				return err
			}
		}
	}
	for batch := range slices.Chunk(ids, forgetBatch) {
		if err := p.store.delete(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
