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
		INSERT INTO queue_tasks (kind, id, payload, trace, state, due_at, wait_us)
		VALUES (?, ?, ?, ?, 'waiting', `+d.db.Clock()+`, 0)
		ON CONFLICT (kind, id) DO UPDATE
		SET payload = excluded.payload, trace = excluded.trace, state = 'waiting', due_at = excluded.due_at,
			wait_us = 0, attempts = 0, lapses = 0, reason = '', died_at = 0, redriven = FALSE
		WHERE queue_tasks.state = 'dead'`,
		task.Kind, task.ID, payload, task.Trace)
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
			WHERE state <> 'dead' AND due_at <= ` + d.db.Clock() + ` ORDER BY due_at, id LIMIT ? ` + d.skipLocked() + `
		)
		UPDATE queue_tasks
		SET state = 'running', token = ?, attempts = attempts + 1,
			lapses = lapses + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
			due_at = ` + d.db.Clock() + ` + ?, wait_us = ?
		WHERE (kind, id) IN (SELECT kind, id FROM due)
		RETURNING kind, id, payload, trace, attempts, lapses, redriven`
	var rows []struct {
		Kind, ID, Trace  string
		Payload          []byte
		Attempts, Lapses int
		Redriven         bool
	}
	token := rand.Text()
	err := d.db.InTx(ctx, func(ctx context.Context) error {
		rows = nil // of a run that was rolled back
		return d.db.Query(ctx, &rows, statement, n, token, visibility.Microseconds(), visibility.Microseconds())
	})
	if err != nil {
		return nil, fmt.Errorf("receive up to %d tasks: %w", n, err)
	}
	deliveries := make([]queue.Received, 0, len(rows))
	for _, row := range rows {
		deliveries = append(deliveries, queue.Received{
			Delivery: queue.Delivery{
				Task:    queue.Task{Kind: row.Kind, ID: row.ID, Payload: row.Payload, Trace: row.Trace},
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

// clockSlack is by how much the clock may be set back without effect, beyond which it has been.
const clockSlack = time.Minute

// correct repairs what a clock that was set back leaves behind: a task that is further from its date than it has ever
// been would wait for the old time. If it runs, its visibility begins anew, because its worker may be alive; if it
// waits, it is due.
func (d *Driver) correct(ctx context.Context) error {
	now := d.db.Clock()
	_, err := d.db.Exec(ctx, `
		UPDATE queue_tasks SET due_at = `+now+` + CASE WHEN state = 'running' THEN wait_us ELSE 0 END
		WHERE state <> 'dead' AND due_at > `+now+` + ? AND due_at > `+now+` + ? + wait_us`,
		clockSlack.Microseconds(), clockSlack.Microseconds()) // the first of the two is the index's
	if err != nil {
		return fmt.Errorf("correct the dates of tasks: %w", err)
	}
	return nil
}

// Extend needs the task's current token.
func (d *Driver) Extend(ctx context.Context, received queue.Received, visibility time.Duration) error {
	return d.change(ctx, received, `UPDATE queue_tasks SET due_at = `+d.db.Clock()+` + ?, wait_us = ?`,
		visibility.Microseconds(), visibility.Microseconds())
}

func (d *Driver) settle(ctx context.Context, received queue.Received, verdict queue.Verdict) error {
	again := `UPDATE queue_tasks SET state = 'waiting', token = '', due_at = ` + d.db.Clock() + ` + ?, wait_us = ?, `
	delay := verdict.Delay.Microseconds()
	switch verdict.Action {
	case queue.Done:
		return d.change(ctx, received, `DELETE FROM queue_tasks`)
	case queue.Retry:
		return d.change(ctx, received, again+`reason = ?`, delay, delay, verdict.Reason)
	case queue.Postpone:
		return d.change(ctx, received, again+`attempts = attempts - 1`, delay, delay)
	case queue.Bury:
		return d.change(ctx, received,
			`UPDATE queue_tasks SET state = 'dead', token = '', died_at = `+d.db.Clock()+`, reason = ?`, verdict.Reason)
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
		SET state = 'waiting', due_at = `+d.db.Clock()+`, wait_us = 0, attempts = 0, lapses = 0, reason = '',
			died_at = 0, redriven = TRUE
		WHERE kind = ? AND id = ? AND state = 'dead'`,
		kind, id)
	return changed > 0, err
}

// Stats counts exactly. A task whose visibility has ended counts as ready.
func (d *Driver) Stats(ctx context.Context) (queue.Stats, error) {
	var row struct {
		Ready, InFlight, Delayed, Dead int
		Age                            int64
	}
	now := d.db.Clock()
	err := d.db.Query(ctx, &row, `
		SELECT COUNT(*) FILTER (WHERE state <> 'dead' AND due_at <= `+now+`) AS ready,
			COUNT(*) FILTER (WHERE state = 'running' AND due_at > `+now+`) AS in_flight,
			COUNT(*) FILTER (WHERE state = 'waiting' AND due_at > `+now+`) AS delayed,
			COUNT(*) FILTER (WHERE state = 'dead') AS dead,
			COALESCE(`+now+` - MIN(due_at) FILTER (WHERE state <> 'dead'), 0) AS age
		FROM queue_tasks`)
	if err != nil {
		return queue.Stats{}, err
	}
	stats := queue.Stats{Ready: row.Ready, InFlight: row.InFlight, Delayed: row.Delayed, Dead: row.Dead}
	if stats.Ready > 0 {
		stats.OldestReady = time.Duration(row.Age) * time.Microsecond
	}
	return stats, nil
}

// Dead lists the latest first.
func (d *Driver) Dead(ctx context.Context, limit int) ([]queue.DeadTask, error) {
	var rows []struct {
		Kind, ID, Reason, Trace string
		Payload                 []byte
		Attempts                int
		DiedAt                  int64
	}
	err := d.db.Query(ctx, &rows, `
		SELECT kind, id, payload, trace, attempts, reason, died_at FROM queue_tasks
		WHERE state = 'dead' ORDER BY died_at DESC, id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, err
	}
	dead := make([]queue.DeadTask, 0, len(rows))
	for _, row := range rows {
		dead = append(dead, queue.DeadTask{
			Task:     queue.Task{Kind: row.Kind, ID: row.ID, Payload: row.Payload, Trace: row.Trace},
			Attempts: row.Attempts, Reason: row.Reason, DiedAt: database.FromMicros(row.DiedAt),
		})
	}
	return dead, nil
}
