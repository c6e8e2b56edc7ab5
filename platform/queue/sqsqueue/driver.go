// Package sqsqueue keeps a queue's tasks in Amazon SQS: in a standard queue, and in another one for its dead letters.
//
// A lease is a message's visibility, and an attempt is one of its receives. What SQS cannot do to a message happens to a
// copy, which is sent before the original is deleted: a task that is given back and whose attempt does not count, one
// that waits for more than 15 min, one that is buried. Should the deletion fail, the task is there twice.
//
// SQS does not recognise a task that it has already: what is enqueued twice runs twice, and a dead letter stays when its
// task is enqueued again. Delays are whole seconds, rounded up. A task that waits for its retry counts as in flight.
// A lease ends 12 h after its delivery at the latest; its handler is then told that it is lost.
//
// SQS goes on with a poll that nobody waits for any more, because its worker has stopped or its connection is gone. What
// such a poll takes is ready again after 10 s, with one attempt used up.
//
// The queue's redrive policy is the last resort, for messages that no worker could judge. A task on its last receive
// by that policy goes on in a copy, so that package queue decides about its attempts and its owner hears of its death.
//
// Keep the dead letters for SQS's longest time, 14 days. The console's own redrive works on them, too, but what SQS itself
// had moved there comes back unmarked: nothing tells that it was redriven.
package sqsqueue

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
)

// callTimeout bounds one call with its retries; for a poll, what it takes beside the waiting.
const callTimeout = 10 * time.Second

// Options of a Driver. Without a QueueURL there is none. Credentials come from the SDK's own chain.
type Options struct {
	QueueURL    string
	DeadURL     string        // of the dead-letter queue; empty: of the one that the queue's redrive policy names
	Region      string        // empty: what the SDK finds
	EndpointURL string        // empty: AWS itself; AWS_ENDPOINT_URL_SQS and others that the SDK finds come first
	Wait        time.Duration // for how long a poll waits for a task, in whole seconds: 20, which is the longest
	Logger      *slog.Logger  // slog.Default()
}

// Driver is a queue in SQS.
type Driver struct {
	client      *sqs.Client
	queueURL    string
	deadURL     string
	wait        time.Duration
	maxReceives int // after which SQS moves a message to the dead letters itself; 0: it never does
	leases      leases
	log         *slog.Logger
}

var (
	_ queue.Driver   = (*Driver)(nil)
	_ queue.Puller   = (*Driver)(nil)
	_ queue.Redriver = (*Driver)(nil)
)

// Enqueue sends a message.
func (d *Driver) Enqueue(ctx context.Context, task queue.Task) error {
	return d.send(ctx, d.queueURL, newMessage(envelope{Kind: task.Kind, ID: task.ID, Payload: task.Payload}))
}

// Consume pulls.
func (d *Driver) Consume(ctx context.Context, consumer queue.Consumer) (stop func(), err error) {
	if _, err := d.attributes(ctx, d.queueURL, types.QueueAttributeNameQueueArn); err != nil {
		return nil, fmt.Errorf("look at the queue: %w", err)
	}
	consumer.Visibility = wholeSeconds(consumer.Visibility)
	return queue.Pull(d, consumer), nil
}

// Stats counts approximately: SQS may be a minute behind. It does not know the age of a message.
func (d *Driver) Stats(ctx context.Context) (queue.Stats, error) {
	ready, inFlight, delayed, err := d.counts(ctx, d.queueURL)
	if err != nil {
		return queue.Stats{}, fmt.Errorf("count tasks: %w", err)
	}
	visible, hidden, late, err := d.counts(ctx, d.deadURL)
	if err != nil {
		return queue.Stats{}, fmt.Errorf("count dead letters: %w", err)
	}
	return queue.Stats{Ready: ready, InFlight: inFlight, Delayed: delayed, Dead: visible + hidden + late}, nil
}

func (d *Driver) counts(ctx context.Context, url string) (visible, hidden, delayed int, err error) {
	const (
		visibleName = types.QueueAttributeNameApproximateNumberOfMessages
		hiddenName  = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
		delayedName = types.QueueAttributeNameApproximateNumberOfMessagesDelayed
	)
	attributes, err := d.attributes(ctx, url, visibleName, hiddenName, delayedName)
	if err != nil {
		return 0, 0, 0, err
	}
	for name, count := range map[types.QueueAttributeName]*int{visibleName: &visible, hiddenName: &hidden, delayedName: &delayed} {
		if *count, err = strconv.Atoi(attributes[string(name)]); err != nil {
			return 0, 0, 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return visible, hidden, delayed, nil
}
