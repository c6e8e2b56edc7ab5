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
	// Whoever browses the dead letters hides them from others meanwhile.
	browseVisibility = 30 * time.Second
	listWait         = time.Second
	// redriveWait outlasts a short listing at the same time.
	redriveWait = 2 * time.Second
	// enoughEmpty pages in a row are the end: one may be empty although there are more.
	enoughEmpty = 2

	releaseTimeout = time.Minute

	// foreignKind is what a dead letter is called that never was a task; its ID is SQS's.
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

// setAside moves what is not a task to the dead letters, as it is. Should that fail, the queue's redrive policy does it.
func (d *Driver) setAside(ctx context.Context, m types.Message, reason error) {
	attributes := maps.Clone(m.MessageAttributes)
	if attributes == nil {
		attributes = map[string]types.MessageAttributeValue{}
	}
	attributes[reasonAttribute] = textAttribute(reason.Error())
	if err := d.replace(ctx, *m.ReceiptHandle, d.deadURL, message{body: *m.Body, attributes: attributes}); err != nil {
		d.log.ErrorContext(ctx, "a message that is not a task was not set aside", "message_id", *m.MessageId, "error", err)
		return
	}
	d.log.WarnContext(ctx, "a message that is not a task was set aside", "message_id", *m.MessageId, "error", reason)
}

// Dead lists the latest first, of those that SQS shows. When SQS itself moved a message, it died when it was sent.
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

// Redrive finds one dead letter of the task, should it have several. It does not see those that somebody else browses
// for longer than 4 s.
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

// RedriveAll leaves a second dead letter of a task where it is.
func (d *Driver) RedriveAll(ctx context.Context, wanted func(queue.DeadTask) bool) ([]queue.DeadTask, error) {
	type name struct{ kind, id string }
	var redriven []queue.DeadTask
	done := map[name]bool{}
	err := d.browse(ctx, redriveWait, func(m types.Message) (gone, more bool, err error) {
		task, body := d.dead(m)
		same := name{task.Kind, task.ID}
		if task.Kind == foreignKind {
			same.id = *m.Body // a worker sets it aside again, and then it has another ID
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

// redrive says whether the task is ready, which it also is when its dead letter stays.
func (d *Driver) redrive(ctx context.Context, m types.Message, body message) (bool, error) {
	if err := d.send(ctx, d.queueURL, body); err != nil {
		return false, fmt.Errorf("send: %w", err)
	}
	if err := d.remove(ctx, d.deadURL, *m.ReceiptHandle); err != nil {
		return true, fmt.Errorf("delete the dead letter: %w", err)
	}
	return true, nil
}

// dead reads a dead letter, and says what to send to make it run again.
func (d *Driver) dead(m types.Message) (queue.DeadTask, message) {
	task := queue.DeadTask{DiedAt: sentAt(m)}
	_, judged := m.MessageAttributes[reasonAttribute]
	e, err := decode(*m.Body)
	again := newMessage(envelope{Kind: e.Kind, ID: e.ID, Payload: e.Payload, Redriven: true})
	if err != nil {
		e = envelope{Kind: foreignKind, ID: *m.MessageId, Payload: []byte(*m.Body)}
		attributes := maps.Clone(m.MessageAttributes)
		delete(attributes, reasonAttribute)
		again = message{body: *m.Body, attributes: attributes}
	}
	task.Task = queue.Task{Kind: e.Kind, ID: e.ID, Payload: e.Payload}
	if judged {
		task.Reason = attribute(m, reasonAttribute)
		task.Attempts, _ = strconv.Atoi(attribute(m, attemptsAttribute))
		return task, again
	}
	// SQS moves a message on the receive after the last one that it allows, and goes on counting.
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

// browse shows each dead letter to visit, until that wants no more or none has come for so long. Then all are visible
// again but those that are gone.
func (d *Driver) browse(ctx context.Context, wait time.Duration, visit func(types.Message) (gone, more bool, err error)) error {
	receipts := map[string]string{} // the latest, by message
	defer func() { d.release(ctx, slices.Collect(maps.Values(receipts))) }()
	seen := map[string]bool{}
	begun := time.Now()
	for empty := 0; empty < enoughEmpty; {
		// What is hidden for too short a time comes again. Ever longer times leave room for the rest, and then for an end.
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
		d.log.WarnContext(ctx, "dead letters stay hidden for as long as it took to browse them, and 30 s", "error", err)
	}
}
