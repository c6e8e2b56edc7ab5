package queue

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrStopping is the cause of a handler's context when its worker stops. The task is given
	// back, and this attempt does not count.
	ErrStopping = errors.New("queue: worker is stopping")
	// ErrLost is the cause of a handler's context when its task is no longer ours: the lease
	// lapsed and somebody else has it, or may have. Whatever the handler returns is dropped.
	ErrLost = errors.New("queue: lease lost")
)

// Discard ends the task for good: it is not tried again and leaves no dead letter. For work that
// has become pointless, or whose failure is already recorded where its owner looks.
func Discard(err error) error { return &discarded{reason{err}} }

// Dead sends the task to the dead letters at once, whatever attempts are left.
func Dead(err error) error { return &buried{reason{err}} }

// Later puts the task back to run again after d. The attempt does not count.
func Later(d time.Duration) error { return &postponed{max(d, 0)} }

// reason makes a nil error, which a caller may well pass, into words.
type reason struct{ err error }

func (r reason) Error() string {
	if r.err == nil {
		return "no reason given"
	}
	return r.err.Error()
}

func (r reason) Unwrap() error { return r.err }

type discarded struct{ reason }

type buried struct{ reason }

type postponed struct{ delay time.Duration }

func (p *postponed) Error() string { return fmt.Sprintf("again in %s", p.delay) }

type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

const maxReason = 1 << 10 // bytes

// plainReason is an error's text as every driver can store it: errors may quote what a foreign
// program printed, with broken UTF-8 and NUL, at any length.
func plainReason(err error) string {
	text := err.Error()
	if len(text) > maxReason {
		text = text[:maxReason]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "?")
}
