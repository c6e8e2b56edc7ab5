package webhooks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/database"
)

// tell adds a delivery of an event for each endpoint that wants it, or for one. An endpoint that nothing reaches gets
// one that has failed, which can be sent later. An event whose id an endpoint knows changes nothing there.
func (s *store) tell(ctx context.Context, e Event, payload, only string) error {
	var rows []struct {
		ID, Kinds string
		State     State
	}
	err := s.db.Query(ctx, &rows, `
		SELECT id, kinds, state FROM webhooks_endpoints WHERE state IN ('on', 'failed') ORDER BY id`)
	if err != nil {
		return fmt.Errorf("look who wants an event: %w", err)
	}
	for _, row := range rows {
		wants := slices.Contains(strings.Fields(row.Kinds), string(e.Kind))
		if only != "" && row.ID != only || only == "" && !wants {
			continue
		}
		state, why, ended := Waiting, "", `0`
		if row.State != On {
			state, why, ended = Undelivered, whyOff, s.db.Clock()
		}
		_, err := s.db.Exec(ctx, `
			INSERT INTO webhooks_deliveries
				(id, endpoint_id, event_id, user_id, kind, payload, state, error, created_at, due_at, expires_at,
				ended_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, `+s.db.Clock()+`, `+s.db.Clock()+`, `+s.after(life)+`, `+ended+`)
			ON CONFLICT (endpoint_id, event_id) DO NOTHING`,
			uuid.Must(uuid.NewV7()).String(), row.ID, e.ID, e.UserID, e.Kind, payload, state, why)
		if err != nil {
			return fmt.Errorf("keep an event for webhook %s: %w", row.ID, err)
		}
	}
	return nil
}

type deliveryRow struct {
	ID, EndpointID, EventID            string
	Kind                               Kind
	Payload                            string
	State                              DeliveryState
	Tries, Status                      int
	Error                              string
	TookMs                             int64
	CreatedAt, DueAt, TriedAt, EndedAt int64
}

const deliveryColumns = `id, endpoint_id, event_id, kind, payload, state, tries, status, error, took_ms, created_at,
	due_at, tried_at, ended_at`

func (r deliveryRow) delivery() Delivery {
	return Delivery{
		ID: r.ID, EndpointID: r.EndpointID, EventID: r.EventID, Kind: r.Kind, Payload: r.Payload, State: r.State,
		Tries: r.Tries, Status: r.Status, Error: r.Error, Took: time.Duration(r.TookMs) * time.Millisecond,
		CreatedAt: database.FromMicros(r.CreatedAt), DueAt: database.FromMicros(r.DueAt),
		TriedAt: database.FromMicros(r.TriedAt), EndedAt: database.FromMicros(r.EndedAt),
	}
}

// lives is the condition that a delivery may still be tried: the last try is when its life ends, or a little later.
func (s *store) lives() string { return `expires_at >= ` + s.after(-lastTryLeeway) }

// nextDue returns the delivery that is due first, and nil if none is, or if its reader has the endpoint no longer.
func (s *store) nextDue(ctx context.Context, e held) (*Delivery, error) {
	var rows []deliveryRow
	err := s.db.Query(ctx, &rows, `
		SELECT `+deliveryColumns+` FROM webhooks_deliveries
		WHERE endpoint_id = ? AND state = 'waiting' AND due_at <= `+s.db.Clock()+` AND `+s.lives()+`
			AND EXISTS (SELECT 1 FROM webhooks_endpoints e WHERE e.id = endpoint_id AND e.held_until = ?)
		ORDER BY due_at, id LIMIT 1`, e.ID, e.HeldUntil)
	if err != nil {
		return nil, fmt.Errorf("read what is due to webhook %s: %w", e.ID, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	d := rows[0].delivery()
	return &d, nil
}

func (s *store) delivered(ctx context.Context, id string, o outcome) error {
	_, err := s.db.Exec(ctx, `
		UPDATE webhooks_deliveries SET state = 'delivered', tries = tries + 1, status = ?, error = '', took_ms = ?,
			tried_at = `+s.db.Clock()+`, ended_at = `+s.db.Clock()+`
		WHERE id = ? AND state <> 'delivered'`, o.status, o.took.Milliseconds(), id)
	if err != nil {
		return fmt.Errorf("note that an event was delivered: %w", err)
	}
	return nil
}

// failed lets a delivery be tried again after a pause, at the latest when its life ends. That was the last try then.
func (s *store) failed(ctx context.Context, id string, o outcome, pause time.Duration) error {
	again := s.after(pause)
	_, err := s.db.Exec(ctx, `
		UPDATE webhooks_deliveries SET tries = tries + 1, status = ?, error = ?, took_ms = ?,
			tried_at = `+s.db.Clock()+`, due_at = CASE WHEN `+again+` < expires_at THEN `+again+` ELSE expires_at END,
			state = CASE WHEN `+s.db.Clock()+` >= expires_at THEN 'failed' ELSE 'waiting' END,
			ended_at = CASE WHEN `+s.db.Clock()+` >= expires_at THEN `+s.db.Clock()+` ELSE 0 END
		WHERE id = ? AND state = 'waiting'`, o.status, o.why, o.took.Milliseconds(), id)
	if err != nil {
		return fmt.Errorf("note that an event was not delivered: %w", err)
	}
	return nil
}

// giveUp ends what waits for an endpoint that was switched off.
func (s *store) giveUp(ctx context.Context, endpointID string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE webhooks_deliveries SET state = 'failed', ended_at = `+s.db.Clock()+`,
			error = CASE WHEN error = '' THEN ? ELSE error END
		WHERE endpoint_id = ? AND state = 'waiting'`, whyOff, endpointID)
	if err != nil {
		return fmt.Errorf("give up what waits for webhook %s: %w", endpointID, err)
	}
	return nil
}

func (s *store) deliveries(
	ctx context.Context, endpointID string, f DeliveryFilter, offset, limit int,
) ([]Delivery, int, error) {
	where, values := `endpoint_id = ?`, []any{endpointID}
	if f.State != "" {
		where, values = where+` AND state = ?`, append(values, f.State)
	}
	var count struct{ N int }
	err := s.db.Query(ctx, &count, `SELECT COUNT(*) AS n FROM webhooks_deliveries WHERE `+where, values...)
	if err != nil {
		return nil, 0, fmt.Errorf("count deliveries: %w", err)
	}
	var rows []deliveryRow
	err = s.db.Query(ctx, &rows, `SELECT `+deliveryColumns+` FROM webhooks_deliveries WHERE `+where+`
		ORDER BY id DESC LIMIT ? OFFSET ?`, append(values, limit, offset)...)
	if err != nil {
		return nil, 0, fmt.Errorf("list deliveries: %w", err)
	}
	all := make([]Delivery, len(rows))
	for i, row := range rows {
		all[i] = row.delivery()
	}
	return all, count.N, nil
}

// again are the columns of a delivery that is sent anew.
func (s *store) again() string {
	return `state = 'waiting', tries = 0, error = '', status = 0, due_at = ` + s.db.Clock() + `, ended_at = 0,
		expires_at = ` + s.after(life)
}

func (s *store) replay(ctx context.Context, endpointID, id string) error {
	if uuid.Validate(id) != nil {
		return errNoDelivery
	}
	n, err := s.db.Exec(ctx, `
		UPDATE webhooks_deliveries SET `+s.again()+` WHERE id = ? AND endpoint_id = ? AND state <> 'waiting'`,
		id, endpointID)
	if err != nil {
		return fmt.Errorf("send delivery %s again: %w", id, err)
	}
	if n > 0 {
		return nil
	}
	var found struct{ N int }
	err = s.db.Query(ctx, &found, `
		SELECT COUNT(*) AS n FROM webhooks_deliveries WHERE id = ? AND endpoint_id = ?`, id, endpointID)
	if err == nil && found.N == 0 {
		err = errNoDelivery
	}
	return err
}

func (s *store) replayFailed(ctx context.Context, endpointID string) (int, error) {
	n, err := s.db.Exec(ctx, `
		UPDATE webhooks_deliveries SET `+s.again()+` WHERE endpoint_id = ? AND state = 'failed'`, endpointID)
	if err != nil {
		return 0, fmt.Errorf("send what has failed for webhook %s again: %w", endpointID, err)
	}
	return int(n), nil
}

func (s *store) erasePerson(ctx context.Context, userID string) error {
	if userID == "" {
		return nil
	}
	if _, err := s.db.Exec(ctx, `DELETE FROM webhooks_deliveries WHERE user_id = ?`, userID); err != nil {
		return fmt.Errorf("delete the deliveries about %s: %w", userID, err)
	}
	return nil
}

// forget ends what nobody could send in time, and deletes what the log has had for long, or has too much of. What is
// sent again is not kept for longer.
func (s *store) forget(ctx context.Context) error {
	for _, st := range []struct {
		sql    string
		values []any
	}{
		{`UPDATE webhooks_deliveries SET state = 'failed', ended_at = ` + s.db.Clock() + `,
			error = CASE WHEN error = '' THEN ? ELSE error END
			WHERE state = 'waiting' AND NOT ` + s.lives(), []any{whyExpired}},
		{`DELETE FROM webhooks_deliveries WHERE ended_at > 0 AND created_at < ` + s.after(-keepLog), nil},
		{`DELETE FROM webhooks_deliveries WHERE endpoint_id NOT IN (SELECT id FROM webhooks_endpoints)`, nil},
		{`DELETE FROM webhooks_deliveries WHERE id IN (SELECT id FROM (
				SELECT id, ROW_NUMBER() OVER (PARTITION BY endpoint_id ORDER BY id DESC) AS place
				FROM webhooks_deliveries WHERE ended_at > 0
			) ended WHERE place > ?)`, []any{keepRows}},
		{`UPDATE webhooks_endpoints SET previous_secret = '', previous_until = 0
			WHERE previous_until > 0 AND previous_until < ` + s.db.Clock(), nil},
	} {
		if _, err := s.db.Exec(ctx, st.sql, st.values...); err != nil {
			return fmt.Errorf("forget deliveries: %w", err)
		}
	}
	return nil
}
