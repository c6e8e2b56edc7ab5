package sqsqueue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
)

const (
	// browseVisibility is how long browsing hides dead letters from others.
	browseVisibility = 30 * time.Second
	listWait         = time.Second
	// redriveWait outlasts a short listing by another process.
	redriveWait = 2 * time.Second
	// enoughEmpty is how many empty pages in a row mean the end: one page may be empty although there are more
	// messages.
	enoughEmpty = 2

	releaseTimeout = time.Minute

	// foreignKind is the kind of a dead letter that never was a task; its ID is SQS's.
	foreignKind = "(not a task)"
)

func deadLetter(e envelope, attempts int, reason string) message {
	e.Redriven = false
	m := newMessage(e)
	m.attributes = map[string]types.MessageAttributeValue{
		reasonAttribute: textAttribute(reason), attemptsAttribute: numberAttribute(attempts),
	}
	return m
}

// setAside moves a message that is not a task to the dead letters, unchanged. If that fails, the queue's redrive policy
// does it later.
func (d *Driver) setAside(ctx context.Context, m types.Message, reason error) {
	attributes := maps.Clone(m.MessageAttributes)
	if attributes == nil {
		attributes = map[string]types.MessageAttributeValue{}
	}
	attributes[reasonAttribute] = textAttribute(reason.Error())
	if err := d.replace(ctx, *m.ReceiptHandle, d.deadURL, message{body: *m.Body, attributes: attributes}); err != nil {
		d.log.ErrorContext(ctx, "a message that is not a task was not set aside",
			"message_id", *m.MessageId, "error", err)
		return
	}
	d.log.WarnContext(ctx, "a message that is not a task was set aside", "message_id", *m.MessageId, "error", reason)
}

// Dead reads dead letters in SQS's order until it has limit of them, and sorts these by time, the latest first. For a
// message that SQS itself moved, DiedAt is the time at which it was sent.
func (d *Driver) Dead(ctx context.Context, limit int) ([]queue.DeadTask, error) {
	var dead []queue.DeadTask
	err := d.browse(ctx, listWait, func(m types.Message) (gone, more bool, err error) {
		task, _ := d.dead(m)
		dead = append(dead, task)
		return false, len(dead) < limit, nil
	})
	slices.SortStableFunc(dead, func(a, b queue.DeadTask) int { return b.DiedAt.Compare(a.DiedAt) })
	return dead, err
}

// Redrive redrives one dead letter of the task, even if there are several. It does not see those that another process
// browses for longer than 4 s.
func (d *Driver) Redrive(ctx context.Context, kind, id string) (bool, error) {
	found := false
	err := d.browse(ctx, redriveWait, func(m types.Message) (gone, more bool, err error) {
		task, body := d.dead(m)
		if task.Kind != kind || task.ID != id {
			return false, true, nil
		}
		found, err = d.redrive(ctx, m, body)
		return found, false, err
	})
	return found, err
}

// RedriveAll leaves further dead letters of the same task where they are.
func (d *Driver) RedriveAll(ctx context.Context, wanted func(queue.DeadTask) bool) ([]queue.DeadTask, error) {
	type name struct{ kind, id string }
	var redriven []queue.DeadTask
	done := map[name]bool{}
	err := d.browse(ctx, redriveWait, func(m types.Message) (gone, more bool, err error) {
		task, body := d.dead(m)
		same := name{task.Kind, task.ID}
		if task.Kind == foreignKind {
			same.id = *m.Body // a worker sets the message aside again, under another ID
		}
		if done[same] || !wanted(task) {
			return false, true, nil
		}
		found, err := d.redrive(ctx, m, body)
		if found {
			done[same] = true
			redriven = append(redriven, task)
		}
		return found, true, err
	})
	return redriven, err
}

// redrive reports whether the task is ready, which it is even if its dead letter could not be deleted.
func (d *Driver) redrive(ctx context.Context, m types.Message, body message) (bool, error) {
	if err := d.send(ctx, d.queueURL, body); err != nil {
		return false, fmt.Errorf("send: %w", err)
	}
	if err := d.remove(ctx, d.deadURL, *m.ReceiptHandle); err != nil {
		return true, fmt.Errorf("delete the dead letter: %w", err)
	}
	return true, nil
}

// dead reads a dead letter; it also returns the message to send to run it again.
func (d *Driver) dead(m types.Message) (queue.DeadTask, message) {
	task := queue.DeadTask{DiedAt: sentAt(m)}
	_, judged := m.MessageAttributes[reasonAttribute]
	e, err := decode(*m.Body)
	fresh := envelopeOf(e.task())
	fresh.Redriven = true
	again := newMessage(fresh)
	if err != nil {
		e = envelope{Kind: foreignKind, ID: *m.MessageId, Payload: []byte(*m.Body)}
		attributes := maps.Clone(m.MessageAttributes)
		delete(attributes, reasonAttribute)
		again = message{body: *m.Body, attributes: attributes}
	}
	task.Task = e.task()
	if judged {
		task.Reason = attribute(m, reasonAttribute)
		task.Attempts, _ = strconv.Atoi(attribute(m, attemptsAttribute))
		return task, again
	}
	// SQS moves a message on the receive after the last allowed one, and continues to count.
	n := d.maxReceives
	if n == 0 {
		n = receives(m)
	}
	task.Reason = fmt.Sprintf("moved by the queue after %d receives", n)
	task.Attempts = e.Attempts + n
	return task, again
}

func attribute(m types.Message, name string) string {
	if value := m.MessageAttributes[name].StringValue; value != nil {
		return *value
	}
	return ""
}

// browse calls visit for each dead letter, until visit wants no more or none has arrived for a few waits. Afterwards
// all are visible again except for those that visit reports as gone.
func (d *Driver) browse(
	ctx context.Context, wait time.Duration, visit func(types.Message) (gone, more bool, err error),
) error {
	receipts := map[string]string{} // the latest, by message
	defer func() { d.release(ctx, slices.Collect(maps.Values(receipts))) }()
	seen := map[string]bool{}
	begun := time.Now()
	for empty := 0; empty < enoughEmpty; {
		// A message that becomes visible during a long browse arrives again. Each page is hidden for longer than the
		// one before, which leaves time to read the rest.
		page, err := d.receive(ctx, d.deadURL, maxBatch, browseVisibility+time.Since(begun), wait)
		if err != nil {
			return fmt.Errorf("browse the dead letters: %w", err)
		}
		for _, m := range page {
			receipts[*m.MessageId] = *m.ReceiptHandle
		}
		for _, m := range page {
			if seen[*m.MessageId] {
				continue
			}
			seen[*m.MessageId] = true
			gone, more, err := visit(m)
			if gone {
				delete(receipts, *m.MessageId)
			}
			if err != nil || !more {
				return err
			}
		}
		if empty++; len(page) > 0 {
			empty = 0
		}
	}
	return nil
}

func (d *Driver) release(ctx context.Context, receipts []string) {
	if len(receipts) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if _, err := d.hideAll(ctx, d.deadURL, receipts, 0); err != nil {
		d.log.WarnContext(ctx, "dead letters stay hidden for 30 s longer than it took to browse them", "error", err)
	}
}
