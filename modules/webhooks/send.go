package webhooks

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"risingstars/platform/queue"
)

const (
	// turnTime is for how long one endpoint is sent to before others have their turn. holdTime leaves room for the last
	// try, and to note what came of it.
	turnTime = 15 * time.Second
	noteTime = 10 * time.Second
	holdTime = turnTime + carryTime + noteTime + 5*time.Second
	// longestRest is the longest pause after an endpoint has failed, and longestPause that of one delivery.
	longestRest  = 5 * time.Minute
	longestPause = 4 * time.Hour
	// longestSilence is how long after a failure the next one belongs to the same series. Longer than any pause.
	longestSilence = 5 * time.Hour
	// failLong is after how long an endpoint that nothing reaches is switched off.
	failLong = 3 * 24 * time.Hour

	statusGone = 410
)

// handle only wakes the module: slow endpoints take no worker away from clips. What comes to nothing the sweeper finds.
func (m *Module) handle(_ context.Context, d queue.Delivery) error {
	m.turns.add(d.ID)
	return nil
}

// takeTurns sends to the endpoints that wait, one after the other, until ctx ends.
func (m *Module) takeTurns(ctx context.Context) {
	trouble := ""
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-m.turns.queue:
			m.turns.begin(id)
			trouble = m.complain(ctx, "send to a webhook", m.serve(ctx, id), trouble)
		}
	}
}

// serve sends what is due to an endpoint, unless somebody else does, for as long as turnTime. It stops at the first
// failure, so that an endpoint that is down costs one try at a time.
func (m *Module) serve(ctx context.Context, endpointID string) (err error) {
	e, err := m.store.take(ctx, endpointID, holdTime)
	if err != nil || e == nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
		defer cancel()
		err = errors.Join(err, m.store.release(ctx, *e))
	}()
	secrets, unreadable := m.openSecrets(*e)
	for began := time.Now(); time.Since(began) < turnTime && ctx.Err() == nil; {
		d, err := m.store.nextDue(ctx, *e)
		if err != nil || d == nil {
			return err
		}
		o := outcome{why: whySecret}
		err = unreadable
		if unreadable == nil {
			o, err = m.carrier.carry(ctx, e.URL, secrets, *d)
		}
		if ctx.Err() != nil && o.why != "" { // the process stops, which is no fault of the endpoint's
			return nil
		}
		if o.why != "" {
			m.log.WarnContext(ctx, "a webhook did not accept an event", "webhook", e.ID, "event", d.EventID,
				"reason", o.why, "status", o.status, "error", err)
		}
		if err := m.note(ctx, *e, *d, o); err != nil {
			return err
		}
		if o.why != "" {
			return nil
		}
		e.Failures, e.FailingFor = 0, 0
	}
	return nil
}

// note writes down what came of a try, even if the process stops. A failure of what the endpoint was before somebody
// changed it counts for nothing: the delivery is tried again.
func (m *Module) note(ctx context.Context, e held, d Delivery, o outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	state := On
	switch {
	case o.why != "" && o.status == statusGone:
		state = Gone
	case o.why != "" && e.FailingFor > failLong:
		state = Failed
	}
	noted := false
	err := m.store.db.InTx(ctx, func(ctx context.Context) (err error) {
		if o.why == "" {
			if err := m.store.delivered(ctx, d.ID, o); err != nil {
				return err
			}
			return m.store.reached(ctx, e)
		}
		noted, err = m.store.unreached(ctx, e, o, m.pause(e.Failures, longestRest), state)
		if err != nil || !noted {
			return err
		}
		if err := m.store.failed(ctx, d.ID, o, spread(m.pause(d.Tries, longestPause))); err != nil || state == On {
			return err
		}
		return m.store.giveUp(ctx, e.ID)
	})
	if err == nil && noted && state != On {
		m.log.WarnContext(ctx, "a webhook is switched off", "webhook", e.ID, "state", string(state))
	}
	return err
}

// pause returns how long to wait after the given number of earlier failures.
func (m *Module) pause(failures int, most time.Duration) time.Duration {
	d := m.o.Pause
	for range failures {
		if d *= 2; d >= most {
			return most
		}
	}
	return d
}

// spread makes a pause up to a fifth longer, so that what failed together does not come again together.
func spread(d time.Duration) time.Duration {
	return d + rand.N(d/5+1) //nolint:gosec // spreads load, guards nothing
}
