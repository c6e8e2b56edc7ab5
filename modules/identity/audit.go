package identity

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"risingstars/platform/fault"
	"risingstars/platform/text"
)

const (
	// Console is the actor of what is done by a command on the host, and Clock of what time does.
	Console = "console"
	Clock   = "clock"
	// mostReason is the longest reason, in characters.
	mostReason = 500
)

// Actor is who does something, and why.
type Actor struct {
	ID     string // of an account, or Console or Clock
	Reason string
	Cause  Cause // of a list, beside which the reason may be blank, unless it is CauseOther; "": none
}

// explained returns a fault if the reason is missing or too long, or the cause is none of the list.
func (a Actor) explained() error {
	rejectAt := func(field, es, en string) error {
		return fault.ErrInvalid.WithFields(fault.Field{
			Location: "body." + field, Message: fault.Text{ES: es, EN: en},
		})
	}
	reject := func(es, en string) error { return rejectAt("reason", es, en) }
	switch reason := text.Clean(a.Reason); {
	case a.Cause != "" && !slices.Contains(Causes(), a.Cause):
		return rejectAt("category", "elige un motivo de la lista", "must be one of the list")
	case !text.HasLetter(reason) && (a.Cause == "" || a.Cause == CauseOther):
		return reject("di por qué", "say why")
	case utf8.RuneCountInString(reason) > mostReason:
		return reject("debe tener como máximo 500 caracteres", "must have at most 500 characters")
	}
	return nil
}

// did returns the record of what the actor did to a subject, such as "user:ID".
func (a Actor) did(act, subject, before, after string) Record {
	return Record{
		Actor: a.ID, Act: act, Subject: subject, Before: before, After: after,
		Reason: because(a.Cause, text.Clean(a.Reason)),
	}
}

// Record is one act in the log.
type Record struct {
	ID      string
	At      time.Time
	Actor   string // the id of an account, or Console or Clock
	Act     string // such as "user.suspend"
	Subject string // what it was done to, such as "user:ID" or "video:ID"
	Before  string
	After   string
	Reason  string
	// Name is the actor's player name if the account still exists. It is not in the log.
	Name string
}

// AddRecord adds an act to the log, which only grows. It joins the transaction in ctx, so that the act and its record
// are there together or not at all.
func (m *Module) AddRecord(ctx context.Context, r Record) error {
	r.ID, r.At = uuid.Must(uuid.NewV7()).String(), time.Now()
	return m.store.insertRecord(ctx, r)
}

// LogFilter narrows the log down; blank fields match everything.
type LogFilter struct {
	Actor   string // an id, Console, Clock, or an e-mail
	Act     string // or the beginning of one, up to a dot
	Subject string
	From    time.Time
	Until   time.Time
}

// Log returns a page of the log, the latest act first, and how many acts match. The caller must have the right.
func (m *Module) Log(ctx context.Context, callerID string, f LogFilter, offset, limit int) ([]Record, int, error) {
	if err := m.Allow(ctx, callerID, ReadLog); err != nil {
		return nil, 0, err
	}
	if strings.Contains(f.Actor, "@") {
		user, err := m.store.byEmail(ctx, f.Actor)
		if err != nil { // nobody has it, so nobody did anything
			user.ID = f.Actor
		}
		f.Actor = user.ID
	}
	return m.store.records(ctx, f, offset, limit)
}

// Announce writes what the actor is about to do into the log, if they have the right to it and say why. It is for acts
// that join no transaction.
func (m *Module) Announce(ctx context.Context, by Actor, right Right, subject string) error {
	if err := by.explained(); err != nil {
		return err
	}
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.Allow(ctx, by.ID, right); err != nil {
			return err
		}
		return m.AddRecord(ctx, by.did(string(right), subject, "", ""))
	})
}
