package webhooks

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
	// mostEndpoints bounds how many deliveries one act makes.
	mostEndpoints = 20
	// mostReason and mostDescription are the longest texts, in characters.
	mostReason, mostDescription = 500, 200
	// mostOverlap is how long a replaced secret may go on to sign.
	mostOverlap = 7 * 24 * time.Hour
)

// State says whether an endpoint is told what happens.
type State string

// The states of endpoints.
const (
	On     State = "on"
	Off    State = "off"    // an administrator has switched it off
	Failed State = "failed" // nothing has reached it for days
	Gone   State = "gone"   // it has answered 410
)

// Endpoint is a program elsewhere that is told what happens.
type Endpoint struct {
	ID            string
	URL           string
	Description   string
	Kinds         []Kind
	State         State
	CreatedAt     time.Time
	PreviousUntil time.Time // until then, a replaced secret signs, too; the zero time: none does

	// Its failures since it was last reached.
	Failures     int
	FailingSince time.Time
	LastStatus   int
	LastError    string // one of Reasons
}

// Spec is what an administrator decides about an endpoint.
type Spec struct {
	URL         string
	Description string
	Kinds       []Kind
	On          bool
}

// Actor is who does something, and why.
type Actor struct{ ID, Reason string }

// explained returns the actor with the reason as it is kept, or a fault if there is none.
func (a Actor) explained() (Actor, error) {
	a.Reason = text.Clean(a.Reason)
	switch {
	case !text.HasLetter(a.Reason):
		return a, reject("reason", "di por qué", "say why")
	case utf8.RuneCountInString(a.Reason) > mostReason:
		return a, reject("reason", "debe tener como máximo 500 caracteres", "must have at most 500 characters")
	}
	return a, nil
}

// checked returns the spec as it is kept, or a fault.
func (m *Module) checked(s Spec) (_ Spec, err error) {
	if s.URL, err = m.checkURL(s.URL); err != nil {
		return s, err
	}
	s.Description = text.Clean(s.Description)
	if utf8.RuneCountInString(s.Description) > mostDescription {
		return s, reject("description", "debe tener como máximo 200 caracteres", "must have at most 200 characters")
	}
	wanted := s.Kinds
	s.Kinds = slices.DeleteFunc(Kinds(), func(k Kind) bool { return !slices.Contains(wanted, k) })
	unknown := slices.ContainsFunc(wanted, func(k Kind) bool { return !slices.Contains(Kinds(), k) })
	if len(s.Kinds) == 0 || unknown {
		return s, reject("events", "elige al menos un evento de la lista", "must be at least one of the list")
	}
	return s, nil
}

// logged is how the log of acts writes an endpoint.
func (e Endpoint) logged() string {
	return strings.Join([]string{string(e.State), shortURL(e.URL), joinKinds(e.Kinds)}, " ")
}

func joinKinds(kinds []Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, " ")
}

// Endpoints returns all endpoints, the oldest first. The caller must have the right. To whoever may only read, an
// address ends with its host: the rest may be secret.
func (m *Module) Endpoints(ctx context.Context, callerID string) ([]Endpoint, error) {
	whole, err := m.mayReadAll(ctx, callerID)
	if err != nil {
		return nil, err
	}
	all, err := m.store.endpoints(ctx)
	for i := range all {
		if !whole {
			all[i].URL = shortURL(all[i].URL)
		}
	}
	return all, err
}

// EndpointOf returns one endpoint, as Endpoints does.
func (m *Module) EndpointOf(ctx context.Context, callerID, id string) (Endpoint, error) {
	whole, err := m.mayReadAll(ctx, callerID)
	if err != nil {
		return Endpoint{}, err
	}
	e, err := m.store.endpoint(ctx, id)
	if !whole {
		e.URL = shortURL(e.URL)
	}
	return e, err
}

// mayReadAll returns the fault to answer with if an account may not read endpoints, and whether it may read whole
// addresses.
func (m *Module) mayReadAll(ctx context.Context, callerID string) (whole bool, err error) {
	if err := m.acts.MayRead(ctx, callerID); err != nil {
		return false, err
	}
	err = m.acts.MayManage(ctx, callerID)
	if fault.From(err).Kind == fault.Forbidden {
		return false, nil
	}
	return err == nil, err
}

// Register adds an endpoint, and returns it with its secret, which nobody can read again.
func (m *Module) Register(ctx context.Context, by Actor, s Spec) (e Endpoint, secret string, err error) {
	if by, err = by.explained(); err != nil {
		return e, "", err
	}
	if s, err = m.checked(s); err != nil {
		return e, "", err
	}
	e = Endpoint{
		ID: uuid.Must(uuid.NewV7()).String(), URL: s.URL, Description: s.Description, Kinds: s.Kinds, State: Off,
	}
	if s.On {
		e.State = On
	}
	secret = newSecret()
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.acts.MayManage(ctx, by.ID); err != nil {
			return err
		}
		if err := m.store.insert(ctx, e, m.vault.Close(secret, e.ID)); err != nil {
			return err
		}
		return m.acts.Add(ctx, by.ID, "webhook.add", e.ID, "", e.logged(), by.Reason)
	})
	if err != nil {
		return Endpoint{}, "", err
	}
	e, err = m.store.endpoint(ctx, e.ID)
	return e, secret, err
}

// act runs what an actor does to an endpoint, and writes it into the log, if they have the right to it and say why.
// done returns what is different afterwards.
func (m *Module) act(
	ctx context.Context, by Actor, act, id string, do func(context.Context, Endpoint) (after string, err error),
) error {
	by, err := by.explained()
	if err != nil {
		return err
	}
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.acts.MayManage(ctx, by.ID); err != nil {
			return err
		}
		before, err := m.store.endpoint(ctx, id)
		if err != nil {
			return err
		}
		after, err := do(ctx, before)
		if err != nil {
			return err
		}
		return m.acts.Add(ctx, by.ID, act, id, before.logged(), after, by.Reason)
	})
}

// Change gives an endpoint another address, other events, or switches it. To switch it on forgets its failures.
func (m *Module) Change(ctx context.Context, by Actor, id string, s Spec) error {
	s, err := m.checked(s)
	if err != nil {
		return err
	}
	return m.act(ctx, by, "webhook.change", id, func(ctx context.Context, e Endpoint) (string, error) {
		e.URL, e.Description, e.Kinds = s.URL, s.Description, s.Kinds
		switch {
		case s.On:
			e.State = On
		case e.State == On:
			e.State = Off
		}
		return e.logged(), m.store.change(ctx, e)
	})
}

// Remove deletes an endpoint with its log of deliveries.
func (m *Module) Remove(ctx context.Context, by Actor, id string) error {
	return m.act(ctx, by, "webhook.remove", id, func(ctx context.Context, _ Endpoint) (string, error) {
		return "", m.store.remove(ctx, id)
	})
}

// Rotate replaces the secret of an endpoint, and returns the new one, which nobody can read again. For as long as the
// overlap, both sign, so that the receiver can change over in between; 0: the old one is worth nothing at once.
func (m *Module) Rotate(ctx context.Context, by Actor, id string, overlap time.Duration) (secret string, err error) {
	if overlap < 0 || overlap > mostOverlap {
		return "", reject("overlap_hours", "debe estar entre 0 y 168", "must be between 0 and 168")
	}
	secret = newSecret()
	err = m.act(ctx, by, "webhook.rotate", id, func(ctx context.Context, e Endpoint) (string, error) {
		return e.logged(), m.store.rotate(ctx, id, m.vault.Close(secret, id), overlap)
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Try sends an event of the kind webhook.test to an endpoint that is on.
func (m *Module) Try(ctx context.Context, by Actor, id string) error {
	return m.act(ctx, by, "webhook.test", id, func(ctx context.Context, e Endpoint) (string, error) {
		if e.State != On {
			return "", errIsOff
		}
		event, payload, err := Event{Kind: trial, Data: map[string]string{"webhook_id": id}}.encode(time.Now())
		if err == nil {
			err = m.store.tell(ctx, event, payload, id)
		}
		return e.logged(), err
	})
}
