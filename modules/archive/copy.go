package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/queue"
)

const (
	// Prefix begins the keys of all copies.
	Prefix = "exports"
	// Life is how long a copy is kept.
	Life = 7 * 24 * time.Hour
	// linkLife is the longest life of a link, which outlives the session in which it was made.
	linkLife = 10 * time.Minute
	// freshFor is how long a copy is good enough for who asks for another.
	freshFor = time.Hour
	// makeKind is that of the tasks.
	makeKind = "archive.make"
)

// State is what has become of the copy that somebody has asked for.
type State string

// The states. Over is that of a copy whose file is about to be deleted; for its owner it is None.
const (
	None    State = "none"
	Waiting State = "waiting"
	Making  State = "making"
	Ready   State = "ready"
	Failed  State = "failed"
	over    State = "over"
)

// Copy is the latest copy of what is kept about a person.
type Copy struct {
	ID        string
	State     State
	AskedAt   time.Time
	ReadyAt   time.Time
	ExpiresAt time.Time // when it is deleted
	Bytes     int64
}

// Pending reports whether the copy is still to be made.
func (c Copy) Pending() bool { return c.State == Waiting || c.State == Making }

func keyOf(id string) string { return Prefix + "/" + id + ".zip" }

// Ask has a copy made for a person, unless one is on its way already, or is ready and less than an hour old.
func (m *Module) Ask(ctx context.Context, userID string) (Copy, error) {
	fresh, err := m.store.fresh(ctx, userID, freshFor)
	if err != nil || fresh.State == Ready {
		return fresh, err
	}
	c, err := m.store.insert(ctx, uuid.Must(uuid.NewV7()).String(), userID)
	if err != nil {
		return Copy{}, err
	}
	if c.State == Waiting {
		m.send(ctx, c.ID)
	}
	return c, nil
}

// send leaves to the sweeper what the queue does not accept now.
func (m *Module) send(ctx context.Context, id string) {
	err := m.queue.Enqueue(ctx, queue.Task{Kind: makeKind, ID: id})
	if err == nil {
		err = m.store.sent(ctx, id)
	}
	if err != nil {
		m.log.WarnContext(ctx, "a copy is left to the sweeper", "copy", id, "error", err)
	}
}

// Of returns the latest copy of a person; its state is None if there is none.
func (m *Module) Of(ctx context.Context, userID string) (Copy, error) {
	return m.store.latest(ctx, userID)
}

// Link returns an address from which anybody who has it can load the copy, and until when; "" unless it is ready.
func (m *Module) Link(ctx context.Context, c Copy) (address string, until time.Time, err error) {
	if c.State != Ready {
		return "", time.Time{}, nil
	}
	until = time.Now().Add(m.o.URLExpiry)
	if address, err = m.bucket.URL(ctx, keyOf(c.ID), m.o.URLExpiry); err != nil {
		return "", time.Time{}, fmt.Errorf("link to a copy: %w", err)
	}
	return address, until, nil
}

// Forget has all copies of a person deleted, as soon as nobody makes one any more, and reports whether they all are.
func (m *Module) Forget(ctx context.Context, userID string) (gone bool, err error) {
	if err := m.store.end(ctx, userID); err != nil {
		return false, err
	}
	if err := m.deleteOver(ctx); err != nil {
		return false, err
	}
	left, err := m.store.left(ctx, userID)
	return left == 0, err
}
