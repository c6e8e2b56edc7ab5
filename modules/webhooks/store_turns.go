package webhooks

import (
	"context"
	"fmt"
	"time"
)

// dueEndpoint is one with a delivery whose time has come. It is overdue if the queue has had it for too long.
type dueEndpoint struct {
	ID      string
	Overdue bool
}

// due returns the endpoints with something to send that nobody is sending to.
func (s *store) due(ctx context.Context) ([]dueEndpoint, error) {
	var rows []dueEndpoint
	err := s.db.Query(ctx, &rows, `
		SELECT id, queued_until > 0 AS overdue FROM webhooks_endpoints e
		WHERE state = 'on' AND held_until < `+s.db.Clock()+` AND next_at <= `+s.db.Clock()+`
			AND queued_until < `+s.db.Clock()+` AND EXISTS (SELECT 1 FROM webhooks_deliveries d
				WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.due_at <= `+s.db.Clock()+`
				AND d.`+s.lives()+`)
		ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("look for events to send: %w", err)
	}
	return rows, nil
}

// entrust leaves an endpoint to the queue for a while. It reports false if somebody else has.
func (s *store) entrust(ctx context.Context, id string, grace time.Duration) (bool, error) {
	n, err := s.db.Exec(ctx, `
		UPDATE webhooks_endpoints SET queued_until = `+s.after(grace)+` WHERE id = ? AND queued_until = 0`, id)
	if err != nil {
		return false, fmt.Errorf("leave webhook %s to the queue: %w", id, err)
	}
	return n > 0, nil
}

// held is an endpoint that its reader sends to. PreviousSecret is "" if it signs no longer.
type held struct {
	ID, URL                string
	Secret, PreviousSecret string
	Failures               int
	FailingUs              int64
	HeldUntil              int64

	FailingFor time.Duration `gorm:"-"`
}

// inSeries is the condition that a failure now continues those before it. After a longer silence nobody knows whether
// the endpoint was failing all along. next_at is a little after the latest failure.
func (s *store) inSeries() string {
	return `(failing_since > 0 AND next_at > ` + s.after(-longestSilence) + `)`
}

// take takes an endpoint that nobody else is sending to, for as long as hold lasts. It returns nil if there is no such
// endpoint, or if it is not its time.
func (s *store) take(ctx context.Context, id string, hold time.Duration) (*held, error) {
	var rows []held
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		rows = nil // of a run that was rolled back
		return s.db.Query(ctx, &rows, `
			UPDATE webhooks_endpoints SET held_until = `+s.after(hold)+`
			WHERE id = ? AND state = 'on' AND held_until < `+s.db.Clock()+` AND next_at <= `+s.db.Clock()+`
			RETURNING id, url, secret, held_until,
				CASE WHEN `+s.inSeries()+` THEN failures ELSE 0 END AS failures,
				CASE WHEN previous_until > `+s.db.Clock()+` THEN previous_secret ELSE '' END AS previous_secret,
				CASE WHEN `+s.inSeries()+` THEN `+s.db.Clock()+` - failing_since ELSE 0 END AS failing_us`, id)
	})
	if err != nil {
		return nil, fmt.Errorf("take webhook %s: %w", id, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	rows[0].FailingFor = time.Duration(rows[0].FailingUs) * time.Microsecond
	return &rows[0], nil
}

// fence is what ends the turn of whoever sends to an endpoint, because it is another one now.
const fence = `held_until = 0, queued_until = 0`

// release lets others send to the endpoint, unless they already may.
func (s *store) release(ctx context.Context, e held) error {
	_, err := s.db.Exec(ctx, `
		UPDATE webhooks_endpoints SET `+fence+` WHERE id = ? AND held_until = ?`,
		e.ID, e.HeldUntil)
	if err != nil {
		return fmt.Errorf("release webhook %s: %w", e.ID, err)
	}
	return nil
}

// reached forgets the failures of an endpoint that its reader still has.
func (s *store) reached(ctx context.Context, e held) error {
	_, err := s.db.Exec(ctx, `
		UPDATE webhooks_endpoints SET failures = 0, failing_since = 0, last_status = 0, last_error = '', next_at = 0
		WHERE id = ? AND held_until = ? AND failures > 0`, e.ID, e.HeldUntil)
	if err != nil {
		return fmt.Errorf("note that webhook %s was reached: %w", e.ID, err)
	}
	return nil
}

// unreached notes a failure of an endpoint, which may switch it off. It reports false, and notes nothing, if its reader
// has it no longer: an administrator has changed it meanwhile.
func (s *store) unreached(ctx context.Context, e held, o outcome, rest time.Duration, state State) (bool, error) {
	n, err := s.db.Exec(ctx, `
		UPDATE webhooks_endpoints SET last_status = ?, last_error = ?, state = ?, next_at = `+s.after(rest)+`,
			failures = CASE WHEN `+s.inSeries()+` THEN failures + 1 ELSE 1 END,
			failing_since = CASE WHEN `+s.inSeries()+` THEN failing_since ELSE `+s.db.Clock()+` END
		WHERE id = ? AND held_until = ? AND state = 'on'`, o.status, o.why, state, e.ID, e.HeldUntil)
	if err != nil {
		return false, fmt.Errorf("note that webhook %s was not reached: %w", e.ID, err)
	}
	return n > 0, nil
}
