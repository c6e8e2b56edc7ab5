package webhooks

import (
	"context"
	"time"
)

// DeliveryState says what has become of a delivery.
type DeliveryState string

// The states of deliveries.
const (
	Waiting     DeliveryState = "waiting"
	Delivered   DeliveryState = "delivered"
	Undelivered DeliveryState = "failed"
)

// life is how long a delivery is tried.
const life = 24 * time.Hour

// lastTryLeeway is how much later the last try may come than life says: longer than an endpoint rests.
const lastTryLeeway = 15 * time.Minute

// Delivery is an event on its way to an endpoint.
type Delivery struct {
	ID         string
	EndpointID string
	EventID    string // the header webhook-id
	Kind       Kind
	Payload    string
	State      DeliveryState
	Tries      int
	Status     int    // of the answer to the latest try; 0: there was none
	Error      string // one of Reasons, "" if the latest try was accepted
	Took       time.Duration
	CreatedAt  time.Time
	TriedAt    time.Time
	DueAt      time.Time // when a waiting one is tried again
	EndedAt    time.Time
}

// DeliveryFilter narrows the log of deliveries down.
type DeliveryFilter struct {
	State DeliveryState // "": any
}

// Deliveries returns a page of an endpoint's deliveries, the latest first, and how many match. The caller must have the
// right.
func (m *Module) Deliveries(
	ctx context.Context, callerID, endpointID string, f DeliveryFilter, offset, limit int,
) ([]Delivery, int, error) {
	if _, err := m.EndpointOf(ctx, callerID, endpointID); err != nil {
		return nil, 0, err
	}
	return m.store.deliveries(ctx, endpointID, f, offset, limit)
}

// Replay sends a delivery that has ended again, with the same webhook-id. It changes nothing about one that waits.
func (m *Module) Replay(ctx context.Context, by Actor, endpointID, deliveryID string) error {
	return m.act(ctx, by, "webhook.replay", endpointID, func(ctx context.Context, e Endpoint) (string, error) {
		if e.State != On {
			return "", errIsOff
		}
		return "delivery " + deliveryID, m.store.replay(ctx, endpointID, deliveryID)
	})
}

// ReplayFailed sends all deliveries of an endpoint again that have failed, and returns how many there are.
func (m *Module) ReplayFailed(ctx context.Context, by Actor, endpointID string) (n int, err error) {
	err = m.act(ctx, by, "webhook.replay", endpointID, func(ctx context.Context, e Endpoint) (string, error) {
		if e.State != On {
			return "", errIsOff
		}
		n, err = m.store.replayFailed(ctx, endpointID)
		return "all that failed", err
	})
	return n, err
}
