package queue

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// settleTimeout may outlast the visibility: a late verdict is refused by its receipt, not by the clock.
	settleTimeout = 10 * time.Second

	firstPause = 100 * time.Millisecond
	maxPause   = 10 * time.Second
)

// Puller is a product that hands out tasks on request. A driver that implements it gets its Consume from Pull, which
// extends the visibility of deliveries and handles everything else about them.
type Puller interface {
	// Receive returns up to n deliveries, which stay invisible to others for the visibility time. It may wait for the
	// first one as long as it likes, but returns when ctx ends; returning none is not an error. It makes no task
	// invisible without returning it. (The exception is SQS, which may answer after ctx has ended: the tasks in that
	// answer are invisible for 10 s.)
	Receive(ctx context.Context, n int, visibility time.Duration) ([]Received, error)

	// Extend makes the delivery invisible to others for the visibility time from now. It returns ErrLost if the
	// delivery is not the task's current one.
	Extend(ctx context.Context, received Received, visibility time.Duration) error

	// Settle ends the delivery and does with the task what the verdict says. It returns ErrLost and changes nothing if
	// the delivery is not the task's current one.
	Settle(ctx context.Context, received Received, verdict Verdict) error
}

// Received is a delivery that a puller returned. The receipt distinguishes it from other deliveries of the same task.
type Received struct {
	Delivery
	Receipt string
}

// Pull delivers from a puller until stop is called, as Driver.Consume promises.
func Pull(puller Puller, consumer Consumer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pull{
		puller:   puller,
		consumer: consumer,
		slots:    make(chan struct{}, consumer.Concurrency),
		idle:     make(chan struct{}),
	}
	go p.receive(ctx)
	return func() {
		cancel()
		<-p.idle
	}
}

type pull struct {
	puller   Puller
	consumer Consumer
	slots    chan struct{} // one for each delivery held or asked for
	serving  sync.WaitGroup
	idle     chan struct{} // closed when receive and everything that it started have ended
}

func (p *pull) receive(ctx context.Context) {
	defer close(p.idle)
	defer p.serving.Wait()
	pause, trouble := firstPause, ""
	for {
		n := p.acquire(ctx)
		if n == 0 {
			return
		}
		deliveries, err := p.puller.Receive(ctx, n, p.consumer.Visibility)
		p.release(n - len(deliveries))
		if err == nil && trouble != "" && ctx.Err() == nil {
			p.consumer.Logger.InfoContext(ctx, "tasks are received again")
		}
		for _, received := range deliveries {
			p.serving.Go(func() {
				defer p.release(1)
				p.serve(received)
			})
		}
		if err == nil {
			pause, trouble = firstPause, ""
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if err.Error() != trouble { // during an outage the error stays the same
			trouble = err.Error()
			p.consumer.Logger.ErrorContext(ctx, "no tasks received", "error", err)
		}
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// acquire waits for a free slot and acquires all that are free; it returns 0 if ctx has ended.
func (p *pull) acquire(ctx context.Context) int {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	if ctx.Err() != nil {
		p.release(1)
		return 0
	}
	for n := 1; ; n++ {
		select {
		case p.slots <- struct{}{}:
		default:
			return n
		}
	}
}

func (p *pull) release(n int) {
	for range n {
		<-p.slots
	}
}

// serve sees one delivery through to its verdict.
func (p *pull) serve(received Received) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	handled, extending := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(extending)
		p.keepInvisible(ctx, received, handled, cancel)
	}()
	verdict := func() Verdict {
		defer func() {
			close(handled)
			<-extending
		}()
		return p.consumer.Handle(ctx, received.Delivery)
	}()
	if ctx.Err() == nil {
		p.settle(ctx, received, verdict)
	}
}

// keepInvisible extends the visibility until the delivery is handled. A delivery that could not be extended for a whole
// visibility time counts as lost, because any other worker may have the task by then.
func (p *pull) keepInvisible(
	ctx context.Context, received Received, handled <-chan struct{}, cancel context.CancelCauseFunc,
) {
	visibility := p.consumer.Visibility
	ticker := time.NewTicker(visibility / 3)
	defer ticker.Stop()
	lapse := time.NewTimer(visibility)
	defer lapse.Stop()
	for {
		select {
		case <-handled:
			return
		case <-lapse.C:
			cancel(ErrLost)
			return
		case <-ticker.C:
		}
		asked := time.Now()
		err := p.extend(ctx, received)
		switch {
		case err == nil:
			lapse.Reset(visibility - time.Since(asked))
		case errors.Is(err, ErrLost):
			cancel(ErrLost)
			return
		default:
			p.consumer.Logger.WarnContext(ctx, "visibility not extended",
				"kind", received.Kind, "id", received.ID, "error", err)
		}
	}
}

func (p *pull) extend(ctx context.Context, received Received) error {
	ctx, cancel := context.WithTimeout(ctx, p.consumer.Visibility/3)
	defer cancel()
	return p.puller.Extend(ctx, received, p.consumer.Visibility)
}

// settle writes the verdict. If that fails for good, the visibility lapses and the task is delivered again.
func (p *pull) settle(ctx context.Context, received Received, verdict Verdict) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for pause := firstPause; ; pause *= 2 {
		err := p.puller.Settle(ctx, received, verdict)
		if err == nil {
			return
		}
		if errors.Is(err, ErrLost) || !wait(ctx, pause) {
			p.consumer.Logger.ErrorContext(ctx, "verdict not written",
				"kind", received.Kind, "id", received.ID, "error", err)
			return
		}
	}
}

// wait returns false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
