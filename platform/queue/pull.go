package queue

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// settleTimeout may outlast the lease: a late verdict is refused by its token, not by the clock.
	settleTimeout = 10 * time.Second

	firstPause = 100 * time.Millisecond
	maxPause   = 10 * time.Second
)

// Puller is a product that hands out leases on request. A driver that is one gets its Consume
// from Pull, and with it the heartbeat and everything else there is to know about leases.
type Puller interface {
	// Receive leases up to n tasks for the visibility time. It waits for the first for as long
	// as it likes, and returns when ctx ends; none is no error. It never leaves a task leased
	// that it did not return (but SQS, which answers after ctx has ended: for 10 s).
	Receive(ctx context.Context, n int, visibility time.Duration) ([]Lease, error)

	// Extend makes the lease last for the visibility time from now on. ErrLost when it is not
	// the task's current one.
	Extend(ctx context.Context, lease Lease, visibility time.Duration) error

	// Settle ends the lease and does with the task what the verdict says. ErrLost when the lease
	// is not the task's current one, and then it changes nothing.
	Settle(ctx context.Context, lease Lease, verdict Verdict) error
}

// Lease is a job that is ours for a while. The token tells it from earlier and later leases of
// the same task.
type Lease struct {
	Job
	Token string
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
	slots    chan struct{} // one for each lease held or asked for
	serving  sync.WaitGroup
	idle     chan struct{} // closed when receive and all that it started have ended
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
		leases, err := p.puller.Receive(ctx, n, p.consumer.Visibility)
		p.release(n - len(leases))
		if err == nil && trouble != "" && ctx.Err() == nil {
			p.consumer.Logger.InfoContext(ctx, "tasks are received again")
		}
		for _, lease := range leases {
			p.serving.Go(func() {
				defer p.release(1)
				p.serve(lease)
			})
		}
		if err == nil {
			pause, trouble = firstPause, ""
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if err.Error() != trouble { // an outage repeats itself for as long as it lasts
			trouble = err.Error()
			p.consumer.Logger.ErrorContext(ctx, "no tasks received", "error", err)
		}
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// acquire waits for one free slot and takes all that are free; zero when ctx has ended.
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

// serve holds one lease from its delivery to its verdict.
func (p *pull) serve(lease Lease) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	handled, beating := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(beating)
		p.heartbeat(ctx, lease, handled, cancel)
	}()
	verdict := func() Verdict {
		defer func() {
			close(handled)
			<-beating
		}()
		return p.consumer.Handle(ctx, lease.Job)
	}()
	if ctx.Err() == nil {
		p.settle(ctx, lease, verdict)
	}
}

// heartbeat keeps the lease alive until the job is handled. A lease that could not be extended
// for its whole length counts as lost, for anybody may have it by now.
func (p *pull) heartbeat(ctx context.Context, lease Lease, handled <-chan struct{}, cancel context.CancelCauseFunc) {
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
		err := p.extend(ctx, lease)
		switch {
		case err == nil:
			lapse.Reset(visibility - time.Since(asked))
		case errors.Is(err, ErrLost):
			cancel(ErrLost)
			return
		default:
			p.consumer.Logger.WarnContext(ctx, "lease not extended", "kind", lease.Kind, "id", lease.ID, "error", err)
		}
	}
}

func (p *pull) extend(ctx context.Context, lease Lease) error {
	ctx, cancel := context.WithTimeout(ctx, p.consumer.Visibility/3)
	defer cancel()
	return p.puller.Extend(ctx, lease, p.consumer.Visibility)
}

// settle writes the verdict. Should that fail for good, the lease lapses and the task is
// delivered again.
func (p *pull) settle(ctx context.Context, lease Lease, verdict Verdict) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for pause := firstPause; ; pause *= 2 {
		err := p.puller.Settle(ctx, lease, verdict)
		if err == nil {
			return
		}
		if errors.Is(err, ErrLost) || !wait(ctx, pause) {
			p.consumer.Logger.ErrorContext(ctx, "verdict not written", "kind", lease.Kind, "id", lease.ID, "error", err)
			return
		}
	}
}

// wait is false when ctx ended first.
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
