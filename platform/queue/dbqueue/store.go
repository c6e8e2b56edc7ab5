package dbqueue

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/queue"
)

// receiveTimeout bounds the one statement that a stop does not interrupt.
const receiveTimeout = 10 * time.Second

func (d *Driver) insert(ctx context.Context, task queue.Task) error {
	payload := task.Payload
	if payload == nil {
		payload = []byte{} // nil would be NULL
	}
	_, err := d.db.Exec(ctx, `
		INSERT INTO queue_tasks (kind, id, payload, state, due_at) VALUES (?, ?, ?, 'waiting', ?)
		ON CONFLICT (kind, id) DO UPDATE
		SET payload = excluded.payload, state = 'waiting', due_at = excluded.due_at,
			attempts = 0, lapses = 0, reason = '', died_at = 0, redriven = FALSE
		WHERE queue_tasks.state = 'dead'`,
		task.Kind, task.ID, payload, database.Micros(time.Now()))
	return err
}

// receive returns up to n due tasks: those that waited, and those whose visibility has ended.
func (d *Driver) receive(ctx context.Context, n int, visibility time.Duration) ([]queue.Received, error) {
	// A statement that is interrupted may still have changed rows, and nobody would know which.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), receiveTimeout)
	defer cancel()

	// A CTE, as PostgreSQL may run a plain subquery more than once and so lock more than n rows.
	statement := `
		WITH due AS (
			SELECT kind, id FROM queue_tasks
			WHERE state <> 'dead' AND due_at <= ? ORDER BY due_at, id LIMIT ? ` + d.skipLocked() + `
		)
		UPDATE queue_tasks
		SET state = 'running', token = ?, attempts = attempts + 1,
			lapses = lapses + CASE WHEN state = 'running' THEN 1 ELSE 0 END, due_at = ?
		WHERE (kind, id) IN (SELECT kind, id FROM due)
		RETURNING kind, id, payload, attempts, lapses, redriven`
	var rows []struct {
		Kind, ID         string
		Payload          []byte
		Attempts, Lapses int
		Redriven         bool
	}
	token := rand.Text()
	err := d.db.InTx(ctx, func(ctx context.Context) error {
		rows = nil        // of a run that was rolled back
		now := time.Now() // after the wait for the writer
		return d.db.Query(ctx, &rows, statement, database.Micros(now), n, token, database.Micros(now.Add(visibility)))
	})
	if err != nil {
		return nil, fmt.Errorf("receive up to %d tasks: %w", n, err)
	}
	deliveries := make([]queue.Received, 0, len(rows))
	for _, row := range rows {
		deliveries = append(deliveries, queue.Received{
			Delivery: queue.Delivery{
				Task:    queue.Task{Kind: row.Kind, ID: row.ID, Payload: row.Payload},
				Attempt: row.Attempts, Lapses: row.Lapses, Redriven: row.Redriven,
			},
			Receipt: token,
		})
	}
	return deliveries, nil
}

func (d *Driver) skipLocked() string {
	if d.db.Dialect() == database.PostgreSQL {
		return "FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// Extend needs the task's current token.
func (d *Driver) Extend(ctx context.Context, received queue.Received, visibility time.Duration) error {
	return d.change(ctx, received, `UPDATE queue_tasks SET due_at = ?`, database.Micros(time.Now().Add(visibility)))
}

func (d *Driver) settle(ctx context.Context, received queue.Received, verdict queue.Verdict) error {
	now := time.Now()
	again := database.Micros(now.Add(verdict.Delay))
	switch verdict.Action {
	case queue.Done:
		return d.change(ctx, received, `DELETE FROM queue_tasks`)
	case queue.Retry:
		return d.change(ctx, received, `UPDATE queue_tasks SET state = 'waiting', token = '', due_at = ?, reason = ?`,
			again, verdict.Reason)
	case queue.Postpone:
		return d.change(ctx, received,
			`UPDATE queue_tasks SET state = 'waiting', token = '', due_at = ?, attempts = attempts - 1`, again)
	case queue.Bury:
		return d.change(ctx, received, `UPDATE queue_tasks SET state = 'dead', token = '', died_at = ?, reason = ?`,
			database.Micros(now), verdict.Reason)
	default:
		return fmt.Errorf("unknown action %d", verdict.Action)
	}
}

// change applies a statement to the delivered row, if the delivery is still its current one.
func (d *Driver) change(ctx context.Context, received queue.Received, statement string, args ...any) error {
	args = append(args, received.Kind, received.ID, received.Receipt)
	changed, err := d.db.Exec(ctx, statement+` WHERE kind = ? AND id = ? AND state = 'running' AND token = ?`, args...)
	if err != nil {
		return err
	}
	if changed == 0 {
		return queue.ErrLost
	}
	return nil
}

func (d *Driver) revive(ctx context.Context, kind, id string) (bool, error) {
	changed, err := d.db.Exec(ctx, `
		UPDATE queue_tasks
		SET state = 'waiting', due_at = ?, attempts = 0, lapses = 0, reason = '', died_at = 0, redriven = TRUE
		WHERE kind = ? AND id = ? AND state = 'dead'`,
		database.Micros(time.Now()), kind, id)
	return changed > 0, err
}

// Stats counts exactly. A task whose visibility has ended counts as ready.
func (d *Driver) Stats(ctx context.Context) (queue.Stats, error) {
	now := time.Now()
	var row struct {
		Ready, InFlight, Delayed, Dead int
		Oldest                         int64
	}
	err := d.db.Query(ctx, &row, `
		SELECT COUNT(*) FILTER (WHERE state <> 'dead' AND due_at <= ?) AS ready,
			COUNT(*) FILTER (WHERE state = 'running' AND due_at > ?) AS in_flight,
			COUNT(*) FILTER (WHERE state = 'waiting' AND due_at > ?) AS delayed,
			COUNT(*) FILTER (WHERE state = 'dead') AS dead,
			COALESCE(MIN(due_at) FILTER (WHERE state <> 'dead'), 0) AS oldest
		FROM queue_tasks`,
		database.Micros(now), database.Micros(now), database.Micros(now))
	if err != nil {
		return queue.Stats{}, err
	}
	stats := queue.Stats{Ready: row.Ready, InFlight: row.InFlight, Delayed: row.Delayed, Dead: row.Dead}
	if stats.Ready > 0 {
		stats.OldestReady = now.Sub(database.FromMicros(row.Oldest))
	}
	return stats, nil
}

// Dead lists the latest first.
func (d *Driver) Dead(ctx context.Context, limit int) ([]queue.DeadTask, error) {
	var rows []struct {
		Kind, ID, Reason string
		Payload          []byte
		Attempts         int
		DiedAt           int64
	}
	err := d.db.Query(ctx, &rows, `
		SELECT kind, id, payload, attempts, reason, died_at FROM queue_tasks
		WHERE state = 'dead' ORDER BY died_at DESC, id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, err
	}
	dead := make([]queue.DeadTask, 0, len(rows))
	for _, row := range rows {
		dead = append(dead, queue.DeadTask{
			Task:     queue.Task{Kind: row.Kind, ID: row.ID, Payload: row.Payload},
			Attempts: row.Attempts, Reason: row.Reason, DiedAt: database.FromMicros(row.DiedAt),
		})
	}
	return dead, nil
}
