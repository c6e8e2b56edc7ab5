// Package sqsqueue keeps a queue's tasks in Amazon SQS: in a standard queue, and in another one for its dead letters.
//
// A delivery's visibility is its message's, and an attempt is one of the message's receives. What SQS cannot do to a
// message is done with a copy, which is sent before the original is deleted: for a task that is given back without
// counting the attempt, one that waits for more than 15 min, and one that is buried. If the deletion fails, the task
// exists twice.
//
// SQS does not recognise a task that it already has: a task that is enqueued twice runs twice, and a dead letter stays
// when its task is enqueued again. Delays are whole seconds, rounded up. A task that waits for its retry counts as in
// flight. Visibility ends 12 h after the delivery at the latest; the handler is then told that its task is lost.
//
// SQS continues a poll even if nobody waits for it any longer, because its worker has stopped or its connection is
// gone. Tasks that such a poll receives are ready again after 10 s, with one attempt used up.
//
// The queue's redrive policy is the last resort, for messages that no worker could judge. A task on its last receive by
// that policy continues in a copy, so that package queue decides about its attempts and its owner is told of its death.
//
// All times are of SQS's own clock but one: a delay of more than 15 min is wrong by as much as the clock of the process
// that asked for it differs from that of the one that receives the task.
//
// Keep the dead letters for SQS's longest time, 14 days. The console's own redrive works on them too, but messages that
// SQS itself moved there come back without being marked as redriven.
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

// callTimeout bounds one call with its retries, not counting a poll's waiting time.
const callTimeout = 10 * time.Second

// Options of a Driver. QueueURL is required. Credentials come from the SDK's own chain.
type Options struct {
	QueueURL    string
	DeadURL     string        // of the dead-letter queue; "": of the one that the queue's redrive policy names
	Region      string        // "": the one that the SDK finds
	EndpointURL string        // "": AWS itself; AWS_ENDPOINT_URL_SQS and others that the SDK finds take precedence
	Wait        time.Duration // how long a poll waits for a task, in whole seconds; 0: 20 s, which is the longest
	Logger      *slog.Logger  // nil: slog.Default()
}

// Driver is a queue in SQS.
type Driver struct {
	client      *sqs.Client
	queueURL    string
	deadURL     string
	wait        time.Duration
	maxReceives int // after which SQS moves a message to the dead letters itself; 0: it never does
	held        held
	log         *slog.Logger
}

var (
	_ queue.Driver   = (*Driver)(nil)
	_ queue.Puller   = (*Driver)(nil)
	_ queue.Redriver = (*Driver)(nil)
)

// Enqueue sends a message.
func (d *Driver) Enqueue(ctx context.Context, task queue.Task) error {
	return d.send(ctx, d.queueURL, newMessage(envelopeOf(task)))
}

// Consume fails if the queue cannot be reached.
func (d *Driver) Consume(ctx context.Context, consumer queue.Consumer) (stop func(), err error) {
	if _, err := d.attributes(ctx, d.queueURL, types.QueueAttributeNameQueueArn); err != nil {
		return nil, fmt.Errorf("look at the queue: %w", err)
	}
	consumer.Visibility = wholeSeconds(consumer.Visibility)
	return queue.Pull(d, consumer), nil
}

// Stats counts approximately: SQS may be a minute behind, and does not know the age of a message.
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
	for name, count := range map[types.QueueAttributeName]*int{
		visibleName: &visible, hiddenName: &hidden, delayedName: &delayed,
	} {
		if *count, err = strconv.Atoi(attributes[string(name)]); err != nil {
			return 0, 0, 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return visible, hidden, delayed, nil
}
