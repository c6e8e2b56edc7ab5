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
	// handover is how long a poll makes messages invisible: until its answer has arrived and the real visibility is
	// set.
	handover = 10 * time.Second
	// maxVisibility leaves room for renewals within SQS's 12 h.
	maxVisibility = time.Hour
	// earlyPause is the pause between two polls if SQS answers at once and has nothing.
	earlyPause = 100 * time.Millisecond
	// removePause is the first pause between two attempts to delete an original.
	removePause = 100 * time.Millisecond
)

func wholeSeconds(visibility time.Duration) time.Duration {
	return time.Duration(seconds(min(max(visibility, time.Second), maxVisibility))) * time.Second
}

// held records, by receipt, until when messages are certainly invisible to others. SQS itself may accept a receipt
// whose visibility has ended, and change or delete a message that another worker has received since.
type held struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (h *held) keep(receipt string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[string]time.Time{}
	}
	now := time.Now()
	maps.DeleteFunc(h.until, func(_ string, until time.Time) bool { return until.Before(now) })
	h.until[receipt] = until
}

func (h *held) has(receipt string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Before(h.until[receipt])
}

func (h *held) drop(receipt string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, receipt)
}

// Receive polls once.
func (d *Driver) Receive(ctx context.Context, n int, visibility time.Duration) ([]queue.Received, error) {
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
	// Messages that have been received must be dealt with even if the worker stops meanwhile, while they are invisible.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hidden)
	defer cancel()
	var deliveries []queue.Received
	for _, m := range messages {
		if received, ok := d.accept(ctx, m); ok {
			deliveries = append(deliveries, received)
		}
	}
	return d.hold(ctx, deliveries, visibility)
}

// accept returns false for a message that must not be worked on now: one that is not a task, is not due yet, or
// continues in a copy.
func (d *Driver) accept(ctx context.Context, m types.Message) (queue.Received, bool) {
	e, err := read(m)
	if err != nil {
		d.setAside(ctx, m, err)
		return queue.Received{}, false
	}
	attempt := e.Attempts + receives(m)
	lastReceive := d.maxReceives > 0 && receives(m) >= d.maxReceives
	if wait := e.wait(); wait > 0 || lastReceive {
		e.Attempts, e.Due = attempt-1, 0
		if err := d.replace(ctx, *m.ReceiptHandle, d.queueURL, later(e, wait)); err != nil {
			d.log.WarnContext(ctx, "a task was not put back; SQS delivers it again",
				"kind", e.Kind, "id", e.ID, "error", err)
		}
		return queue.Received{}, false
	}
	return queue.Received{
		Delivery: queue.Delivery{
			Task: e.task(), Attempt: attempt, Redriven: e.Redriven,
		},
		Receipt: *m.ReceiptHandle,
	}, true
}

// hold replaces the handover by the real visibility. Messages for which that fails are ready again after the handover.
func (d *Driver) hold(
	ctx context.Context, deliveries []queue.Received, visibility time.Duration,
) ([]queue.Received, error) {
	if len(deliveries) == 0 {
		return nil, nil
	}
	receipts := make([]string, len(deliveries))
	for i, received := range deliveries {
		receipts[i] = received.Receipt
	}
	until := time.Now().Add(visibility)
	failed, err := d.hideAll(ctx, d.queueURL, receipts, visibility)
	if err != nil {
		return nil, fmt.Errorf("extend the visibility of received tasks: %w", err)
	}
	kept := deliveries[:0]
	for _, received := range deliveries {
		if !failed[received.Receipt] {
			d.held.keep(received.Receipt, until)
			kept = append(kept, received)
		}
	}
	return kept, nil
}

// Extend fails once the visibility has ended.
func (d *Driver) Extend(ctx context.Context, received queue.Received, visibility time.Duration) error {
	if !d.held.has(received.Receipt) {
		return queue.ErrLost
	}
	visibility = wholeSeconds(visibility)
	until := time.Now().Add(visibility)
	if err := d.hide(ctx, received.Receipt, visibility); err != nil {
		return err
	}
	d.held.keep(received.Receipt, until)
	return nil
}

// Settle fails once the visibility has ended.
func (d *Driver) Settle(ctx context.Context, received queue.Received, verdict queue.Verdict) error {
	if !d.held.has(received.Receipt) {
		return queue.ErrLost
	}
	if err := d.carryOut(ctx, received, verdict); err != nil {
		return err
	}
	d.held.drop(received.Receipt)
	return nil
}

func (d *Driver) carryOut(ctx context.Context, received queue.Received, verdict queue.Verdict) error {
	e := envelopeOf(received.Task)
	e.Redriven = received.Redriven
	switch verdict.Action {
	case queue.Done:
		return d.remove(ctx, d.queueURL, received.Receipt)
	case queue.Retry:
		if verdict.Delay <= maxDelay {
			return d.hide(ctx, received.Receipt, verdict.Delay)
		}
		e.Attempts = received.Attempt
		return d.replace(ctx, received.Receipt, d.queueURL, later(e, verdict.Delay))
	case queue.Postpone:
		e.Attempts = received.Attempt - 1
		return d.replace(ctx, received.Receipt, d.queueURL, later(e, verdict.Delay))
	case queue.Bury:
		return d.replace(ctx, received.Receipt, d.deadURL, deadLetter(e, received.Attempt, verdict.Reason))
	default:
		return fmt.Errorf("unknown action %d", verdict.Action)
	}
}

// replace sends a copy of one of the queue's messages and then deletes the original. It repeats the deletion until ctx
// ends, because the caller's next attempt would send another copy.
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

// pause returns false if ctx ended first.
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
