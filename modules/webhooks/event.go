package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Kind is what an event is about.
type Kind string

// The kinds of events.
const (
	VideoPublished Kind = "video.published"
	VideoFailed    Kind = "video.failed"
	EntryHidden    Kind = "entry.hidden"
	VoteMilestone  Kind = "vote.milestone"

	// trial is sent to one endpoint when somebody asks for it.
	trial Kind = "webhook.test"
)

// Kinds returns the kinds of events that an endpoint can want.
func Kinds() []Kind { return []Kind{VideoPublished, VideoFailed, EntryHidden, VoteMilestone} }

// Event is something that has happened.
type Event struct {
	ID   string // made from the act by IDOf: a second event with it is none; "": a new one
	Kind Kind
	Data any // becomes JSON
	// UserID is the person whom the event is about, with whom its deliveries are erased; "": nobody.
	UserID string
}

// IDOf returns the id of an event that an act can have only once, whoever notices it how often.
func IDOf(kind Kind, act ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(string(kind)+" "+strings.Join(act, " "))).String()
}

// Tell keeps an event until it is delivered, for each endpoint that wants its kind, in the transaction of ctx if that
// carries one. An endpoint that an administrator has switched off misses it; one that was switched off because nothing
// reaches it has it in its log.
func (m *Module) Tell(ctx context.Context, e Event) error {
	e, payload, err := e.encode(time.Now())
	if err != nil {
		return err
	}
	return m.store.db.InTx(ctx, func(ctx context.Context) error { return m.store.tell(ctx, e, payload, "") })
}

// ErasePerson deletes the deliveries of events about a person. It may be repeated.
func (m *Module) ErasePerson(ctx context.Context, userID string) error {
	return m.store.erasePerson(ctx, userID)
}

// encode returns the event with an id, and what endpoints get of it.
func (e Event) encode(at time.Time) (Event, string, error) {
	if e.ID == "" {
		e.ID = uuid.Must(uuid.NewV7()).String()
	}
	payload, err := json.Marshal(struct {
		Type      Kind      `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      any       `json:"data"`
	}{e.Kind, at.UTC().Truncate(time.Millisecond), e.Data})
	if err != nil {
		return e, "", fmt.Errorf("encode an event of kind %s: %w", e.Kind, err)
	}
	return e, string(payload), nil
}
