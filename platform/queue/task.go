package queue

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxPayload is the largest payload in bytes. Every product would carry more, but a task is a hint with a few keys
	// in it, and anything larger belongs in storage.
	MaxPayload = 64 << 10

	maxName = 128 // bytes, for a kind and for an ID
)

// ErrInvalidTask marks a task that no driver accepts: one without a kind or an ID, or one that is too large.
var ErrInvalidTask = errors.New("invalid task")

// Task is one piece of work to be done.
type Task struct {
	Kind string
	// ID is unique within a kind while the task waits or runs.
	ID      string
	Payload []byte
	// Trace is the traceparent of the span that the work belongs to (package telemetry), which all deliveries have; "":
	// that of the context in which the task is enqueued.
	Trace string
}

func (t Task) validate() error {
	if err := validateName(t.Kind); err != nil {
		return fmt.Errorf("%w: kind %w", ErrInvalidTask, err)
	}
	if err := validateName(t.ID); err != nil {
		return fmt.Errorf("%w: id %w", ErrInvalidTask, err)
	}
	if len(t.Payload) > MaxPayload {
		return fmt.Errorf("%w: payload of %d bytes, at most %d", ErrInvalidTask, len(t.Payload), MaxPayload)
	}
	return nil
}

func validateName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case len(name) > maxName:
		return fmt.Errorf("has %d bytes, at most %d", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		// PostgreSQL's type text accepts neither.
		return errors.New("is not plain text")
	}
	return nil
}

// Delivery is a task that has been handed to a worker.
type Delivery struct {
	Task
	// Attempt counts deliveries from 1, without those that ended in Postpone. A delivery whose worker vanished counts.
	// A handler sees at most MaxAttempts; a driver may deliver a task once more, to learn that it is dead.
	Attempt int
	// MaxAttempts is the worker's limit; drivers leave it 0.
	MaxAttempts int
	// Lapses is how many deliveries ended because their visibility did; 0 if the product does not count them.
	Lapses int
	// Redriven reports whether the task was a dead letter that an operator wants to be tried again. A task that Enqueue
	// revived does not count as redriven. On a product that keeps duplicates, a delivery that is not redriven may be a
	// duplicate of a task that has died since.
	Redriven bool
}

// DeadTask is a dead letter: a task that is not tried any more.
type DeadTask struct {
	Task
	// Attempts is the number of deliveries that counted. It is one more than the worker allows if the visibility of the
	// last attempt lapsed, because it takes another delivery to find that out.
	Attempts int
	Reason   string
	DiedAt   time.Time
}

// Stats is the state of a queue at one moment. Some products count only approximately.
type Stats struct {
	Ready    int // could start now
	InFlight int // delivered to a worker
	Delayed  int // waits for a retry or a later date
	Dead     int
	// OldestReady is how long ago the oldest ready task could have started; 0 if none is ready or the product cannot
	// tell.
	OldestReady time.Duration
}
