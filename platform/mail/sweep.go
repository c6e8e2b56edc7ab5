package mail

import (
	"context"
	"errors"
	"time"
)

const (
	sweepEvery  = 2 * time.Second
	sweepBatch  = 50
	forgetEvery = time.Hour
	forgetBatch = 500
	// keepTraces is how long it is known what became of a letter, and that there was one. Its file stays as long.
	keepTraces = 30 * 24 * time.Hour
)

// Sweep sends, until ctx ends, the letters that the queue has lost, or whose turn has not come for too long. Any number
// of processes may sweep at the same time.
func (p *Post) Sweep(ctx context.Context) {
	ticker := time.NewTicker(min(sweepEvery, p.o.Grace))
	defer ticker.Stop()
	var forgot time.Time
	trouble := ""
	for {
		err := p.sweep(ctx)
		if time.Since(forgot) > forgetEvery {
			forgot = time.Now()
			err = errors.Join(err, p.forgetOld(ctx))
		}
		switch {
		case err == nil:
			trouble = ""
		case ctx.Err() == nil && err.Error() != trouble: // during an outage the error stays the same
			trouble = err.Error()
			p.log.ErrorContext(ctx, "sweep letters", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (p *Post) sweep(ctx context.Context) error {
	ids, err := p.store.due(ctx, sweepBatch)
	if err != nil {
		return err
	}
	for _, id := range ids {
		pause, err := p.deliver(ctx, id)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
		case errors.Is(err, ErrRefused), errors.Is(err, errExpired):
			p.log.WarnContext(ctx, "a letter is given up", "letter", id, "error", err)
		case pause == 0:
			p.Forward(ctx, id) // the queue buries it, or has done so
		default:
			p.log.WarnContext(ctx, "a letter is tried again later", "letter", id,
				"delay_ms", pause.Milliseconds(), "error", err)
			return nil // the others would wait for the same server
		}
	}
	return nil
}
