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
	// redriveWait outlasts a listing at the same time.
	redriveWait = 2 * time.Second

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
	err := d.browse(ctx, listWait, func(m types.Message) (bool, error) {
		task, _ := d.dead(m)
		dead = append(dead, task)
		return len(dead) < limit, nil
	})
	slices.SortStableFunc(dead, func(a, b queue.DeadTask) int { return b.DiedAt.Compare(a.DiedAt) })
	return dead, err
}

// Redrive finds one dead letter of the task, should it have several. It does not see those that somebody else browses
// for longer than 2 s.
func (d *Driver) Redrive(ctx context.Context, kind, id string) (bool, error) {
	found := false
	err := d.browse(ctx, redriveWait, func(m types.Message) (bool, error) {
		task, body := d.dead(m)
		if task.Kind != kind || task.ID != id {
			return true, nil
		}
		if err := d.send(ctx, d.queueURL, body); err != nil {
			return false, fmt.Errorf("send: %w", err)
		}
		found = true
		if err := d.remove(ctx, d.deadURL, *m.ReceiptHandle); err != nil {
			return false, fmt.Errorf("delete the dead letter: %w", err)
		}
		return false, nil
	})
	return found, err
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

// browse shows each dead letter to visit, until that says no or none has come for so long. Then all are visible again.
func (d *Driver) browse(ctx context.Context, wait time.Duration, visit func(types.Message) (more bool, err error)) error {
	var receipts []string
	defer func() { d.release(ctx, receipts) }()
	seen := map[string]bool{}
	for {
		page, err := d.receive(ctx, d.deadURL, maxBatch, browseVisibility, wait)
		if err != nil {
			return fmt.Errorf("browse the dead letters: %w", err)
		}
		fresh := false
		for _, m := range page {
			receipts = append(receipts, *m.ReceiptHandle)
		}
		for _, m := range page {
			if seen[*m.MessageId] {
				continue // hidden for too short a time
			}
			fresh, seen[*m.MessageId] = true, true
			if more, err := visit(m); err != nil || !more {
				return err
			}
		}
		if !fresh {
			return nil
		}
	}
}

func (d *Driver) release(ctx context.Context, receipts []string) {
	if len(receipts) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if _, err := d.hideAll(ctx, d.deadURL, receipts, 0); err != nil {
		d.log.WarnContext(ctx, "dead letters stay hidden for 30 s", "error", err)
	}
}
