package asynqueue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
)

const (
	recoverEvery = 5 * time.Second
	// retention is how long a copy that has ended keeps its ID, so that it is not sent again: asynq returns the
	// original 30 to 90 s after the end of its lease.
	retention = 5 * time.Minute
)

// recoverTasks sends copies, until ctx ends, of the tasks of workers that vanished.
func (d *Driver) recoverTasks(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(recoverEvery)
	defer ticker.Stop()
	for {
		if err := d.recoverLapsed(ctx, log); err != nil && ctx.Err() == nil {
			log.DebugContext(ctx, "tasks of vanished workers not recovered", "error", err) // asynq warns of an outage
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *Driver) recoverLapsed(ctx context.Context, log *slog.Logger) error {
	active, err := all(ctx, d.queue, d.inspector.ListActiveTasks)
	if err != nil {
		return fmt.Errorf("list running tasks: %w", err)
	}
	for _, info := range active {
		if !info.IsOrphaned {
			continue
		}
		from := originOf(info.Headers)
		from.attempts += info.Retried + 1
		task := taskOf(info)
		sent, err := d.send(ctx, copyID(info.ID, info.Headers), task, from, asynq.Retention(retention))
		if err != nil {
			return fmt.Errorf("recover task %s: %w", info.ID, err)
		}
		if sent {
			log.WarnContext(ctx, "a worker vanished; its task is ready again", "kind", task.Kind, "id", task.ID)
		}
	}
	return nil
}
