package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
)

const (
	// handover is for how long a poll hides what it takes: until its answer has arrived, and the visibility is asked for.
	handover = 10 * time.Second
	// maxVisibility leaves room for renewals within SQS's 12 h.
	maxVisibility = time.Hour
	// earlyPause is between two polls when SQS answers at once and has nothing.
	earlyPause = 100 * time.Millisecond
	// removePause is the first between two attempts to delete an original.
	removePause = 100 * time.Millisecond
)

func wholeSeconds(visibility time.Duration) time.Duration {
	return time.Duration(seconds(min(max(visibility, time.Second), maxVisibility))) * time.Second
}

// leases are the times until which messages are certainly ours, by receipt. SQS itself may well accept a receipt that
// has lapsed, and with it change or delete what somebody else works on.
type leases struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (l *leases) keep(receipt string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil {
		l.until = map[string]time.Time{}
	}
	now := time.Now()
	maps.DeleteFunc(l.until, func(_ string, until time.Time) bool { return until.Before(now) })
	l.until[receipt] = until
}

func (l *leases) has(receipt string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until[receipt])
}

func (l *leases) drop(receipt string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.until, receipt)
}

// Receive polls once.
func (d *Driver) Receive(ctx context.Context, n int, visibility time.Duration) ([]queue.Lease, error) {
	visibility = wholeSeconds(visibility)
	hidden := min(visibility, handover)
	asked := time.Now()
	messages, err := d.receive(ctx, d.queueURL, n, hidden, d.wait)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("receive: %w", err)
	case len(messages) == 0:
		if time.Since(asked) < d.wait/2 {
			pause(ctx, earlyPause)
		}
		return nil, nil
	}
	// What has been received is ours to look after, also when the worker stops meanwhile, and no longer than it is hidden.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hidden)
	defer cancel()
	var leases []queue.Lease
	for _, m := range messages {
		if lease, ok := d.accept(ctx, m); ok {
			leases = append(leases, lease)
		}
	}
	return d.hold(ctx, leases, visibility)
}

// accept is false for a message that is not to be worked on now: what is not a task, is not due yet, or goes on in a copy.
func (d *Driver) accept(ctx context.Context, m types.Message) (queue.Lease, bool) {
	e, err := read(m)
	if err != nil {
		d.setAside(ctx, m, err)
		return queue.Lease{}, false
	}
	attempt := e.Attempts + receives(m)
	lastReceive := d.maxReceives > 0 && receives(m) >= d.maxReceives
	if wait := e.wait(); wait > 0 || lastReceive {
		e.Attempts, e.Due = attempt-1, 0
		if err := d.replace(ctx, *m.ReceiptHandle, d.queueURL, later(e, wait)); err != nil {
			d.log.WarnContext(ctx, "a task was not put back; SQS delivers it again", "kind", e.Kind, "id", e.ID, "error", err)
		}
		return queue.Lease{}, false
	}
	return queue.Lease{
		Job: queue.Job{
			Task: queue.Task{Kind: e.Kind, ID: e.ID, Payload: e.Payload}, Attempt: attempt, Redriven: e.Redriven,
		},
		Token: *m.ReceiptHandle,
	}, true
}

// hold makes leases of the handover. What cannot be held is ready again after it.
func (d *Driver) hold(ctx context.Context, received []queue.Lease, visibility time.Duration) ([]queue.Lease, error) {
	if len(received) == 0 {
		return nil, nil
	}
	receipts := make([]string, len(received))
	for i, lease := range received {
		receipts[i] = lease.Token
	}
	until := time.Now().Add(visibility)
	failed, err := d.hideAll(ctx, d.queueURL, receipts, visibility)
	if err != nil {
		return nil, fmt.Errorf("hold what was received: %w", err)
	}
	held := received[:0]
	for _, lease := range received {
		if !failed[lease.Token] {
			d.leases.keep(lease.Token, until)
			held = append(held, lease)
		}
	}
	return held, nil
}

// Extend renews the visibility.
func (d *Driver) Extend(ctx context.Context, lease queue.Lease, visibility time.Duration) error {
	if !d.leases.has(lease.Token) {
		return queue.ErrLost
	}
	visibility = wholeSeconds(visibility)
	until := time.Now().Add(visibility)
	if err := d.hide(ctx, lease.Token, visibility); err != nil {
		return err
	}
	d.leases.keep(lease.Token, until)
	return nil
}

// Settle ends a lease that has not lapsed.
func (d *Driver) Settle(ctx context.Context, lease queue.Lease, verdict queue.Verdict) error {
	if !d.leases.has(lease.Token) {
		return queue.ErrLost
	}
	if err := d.carryOut(ctx, lease, verdict); err != nil {
		return err
	}
	d.leases.drop(lease.Token)
	return nil
}

func (d *Driver) carryOut(ctx context.Context, lease queue.Lease, verdict queue.Verdict) error {
	e := envelope{Kind: lease.Kind, ID: lease.ID, Payload: lease.Payload, Redriven: lease.Redriven}
	switch verdict.Action {
	case queue.Done:
		return d.remove(ctx, d.queueURL, lease.Token)
	case queue.Retry:
		if verdict.Delay <= maxDelay {
			return d.hide(ctx, lease.Token, verdict.Delay)
		}
		e.Attempts = lease.Attempt
		return d.replace(ctx, lease.Token, d.queueURL, later(e, verdict.Delay))
	case queue.Postpone:
		e.Attempts = lease.Attempt - 1
		return d.replace(ctx, lease.Token, d.queueURL, later(e, verdict.Delay))
	case queue.Bury:
		return d.replace(ctx, lease.Token, d.deadURL, deadLetter(e, lease.Attempt, verdict.Reason))
	default:
		return fmt.Errorf("unknown action %d", verdict.Action)
	}
}

// replace sends a message for one of the queue's, which it then deletes. It does not give up on the deletion before ctx
// ends, because the caller's next attempt would send once more.
func (d *Driver) replace(ctx context.Context, receipt, url string, by message) error {
	if err := d.send(ctx, url, by); err != nil {
		return fmt.Errorf("send a copy: %w", err)
	}
	for wait := removePause; ; wait *= 2 {
		err := d.remove(ctx, d.queueURL, receipt)
		if err == nil {
			return nil
		}
		if errors.Is(err, queue.ErrLost) || !pause(ctx, wait) {
			return fmt.Errorf("delete the original: %w", err)
		}
	}
}

// pause is false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
