package queue

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxPayload is the largest payload in bytes. SQS would carry 256 KiB; a task is a hint with
	// a few keys in it, and what is larger belongs in storage.
	MaxPayload = 64 << 10

	maxName = 128 // bytes, for a kind and for an ID
)

// ErrInvalidTask marks a task that no driver would take: no kind, no ID, too large.
var ErrInvalidTask = errors.New("invalid task")

// Task is one piece of work to be done.
type Task struct {
	Kind string
	// ID is unique within a kind while the task waits or runs.
	ID      string
	Payload []byte
}

func (t Task) validate() error {
	if err := validName(t.Kind); err != nil {
		return fmt.Errorf("%w: kind %w", ErrInvalidTask, err)
	}
	if err := validName(t.ID); err != nil {
		return fmt.Errorf("%w: id %w", ErrInvalidTask, err)
	}
	if len(t.Payload) > MaxPayload {
		return fmt.Errorf("%w: payload of %d bytes, at most %d", ErrInvalidTask, len(t.Payload), MaxPayload)
	}
	return nil
}

func validName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case len(name) > maxName:
		return fmt.Errorf("has %d bytes, at most %d", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		// PostgreSQL text takes neither.
		return errors.New("is not plain text")
	}
	return nil
}

// DeadTask is a task that was given up.
type DeadTask struct {
	Task
	// Attempts are its deliveries that counted: one more than the worker allows when the last
	// lease lapsed, as it takes a delivery to find that out.
	Attempts int
	Reason   string
	DiedAt   time.Time
}

// Stats is how a queue stands at one moment. Products count approximately.
type Stats struct {
	Ready    int // could start now
	InFlight int // leased to a worker
	Delayed  int // waits for a retry or a later date
	Dead     int
	// OldestReady is for how long the oldest ready task could have started already; zero when
	// none is ready or the product cannot tell.
	OldestReady time.Duration
}
