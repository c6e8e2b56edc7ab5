package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"risingstars/platform/queue"
)

const (
	// carryTime is how long a carrier may take; holdTime leaves room to note what came of it.
	carryTime = time.Minute
	holdTime  = carryTime + 30*time.Second
	noteTime  = 10 * time.Second
	// mostTries and longestPause give up on a server after about two hours.
	mostTries    = 16
	longestPause = 15 * time.Minute
)

var errExpired = errors.New("the letter has become pointless")

// handle sends the letter of a task.
func (p *Post) handle(ctx context.Context, d queue.Delivery) error {
	pause, err := p.deliver(ctx, d.ID)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrRefused), errors.Is(err, errExpired):
		return queue.Discard(err) // which is noted
	case pause > 0:
		p.log.WarnContext(ctx, "a letter is tried again later", "letter", d.ID,
			"delay_ms", pause.Milliseconds(), "error", err)
		return queue.Later(pause)
	}
	return err
}

// bury notes that the queue has given up on a letter.
func (p *Post) bury(ctx context.Context, d queue.Delivery, _ string) error {
	return p.store.bury(ctx, d.ID)
}

// deliver sends a letter, unless it was sent or somebody else is about to. After an error it returns how long to wait
// before it is tried again; 0: it was tried often enough.
func (p *Post) deliver(ctx context.Context, id string) (pause time.Duration, err error) {
	l, err := p.store.hold(ctx, id, holdTime)
	if err != nil {
		return p.o.Pause, err
	}
	if l == nil {
		return 0, nil
	}
	if l.expired {
		return 0, errors.Join(errExpired, p.store.end(ctx, id, failed))
	}
	err = p.carry(ctx, l.Letter)
	// What came of it is noted even if the process stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	switch {
	case err == nil:
		return 0, p.store.end(ctx, id, sent)
	case errors.Is(err, ErrRefused):
		return 0, errors.Join(err, p.store.end(ctx, id, failed))
	}
	if l.tries < mostTries {
		pause = min(p.o.Pause<<l.tries, longestPause)
	}
	return pause, errors.Join(err, p.store.later(ctx, id, max(pause, p.o.Pause), p.o.Grace))
}

func (p *Post) carry(ctx context.Context, l Letter) error {
	m, err := p.writer.write(l)
	if err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	m.From, m.To, m.At = p.o.From, l.To, time.Now()
	ctx, cancel := context.WithTimeout(ctx, carryTime)
	defer cancel()
	return p.o.Carrier.Carry(ctx, m)
}
