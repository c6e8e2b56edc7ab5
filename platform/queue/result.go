package queue

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrStopping is the cause that ends a handler's context when its worker stops. The task is given back, and this
	// attempt does not count.
	ErrStopping = errors.New("queue: worker is stopping")
	// ErrLost is the cause that ends a handler's context when its visibility has lapsed: another worker has the task,
	// or may have it. What the handler returns is ignored.
	ErrLost = errors.New("queue: task lost")
)

// Discard ends the task for good: it is not tried again and leaves no dead letter. It is for work that has become
// pointless, or whose failure is already recorded where its owner looks.
func Discard(err error) error { return &discarded{err} }

// Later puts the task back to run again after d. The attempt does not count.
func Later(d time.Duration) error { return &postponed{max(d, 0)} }

type discarded struct{ err error }

// Error allows for Discard(nil).
func (d *discarded) Error() string {
	if d.err == nil {
		return "no reason given"
	}
	return d.err.Error()
}

func (d *discarded) Unwrap() error { return d.err }

type postponed struct{ delay time.Duration }

func (p *postponed) Error() string { return fmt.Sprintf("again in %s", p.delay) }

type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

const maxReason = 1 << 10 // bytes

// plainReason returns an error's text in a form that every driver can store: errors may quote the output of another
// program, of any length and with broken UTF-8 and NUL in it.
func plainReason(err error) string {
	text := err.Error()
	if len(text) > maxReason {
		text = text[:maxReason]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
}
