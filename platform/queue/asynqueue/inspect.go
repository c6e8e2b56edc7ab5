package asynqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"

	"risingstars/platform/queue"
)

const pageSize = 500

// lister is one of the inspector's lists of tasks by state.
type lister func(queue string, options ...asynq.ListOption) ([]*asynq.TaskInfo, error)

// all reads every page. Tasks that change their state meanwhile may be missing or listed twice.
func all(ctx context.Context, queue string, list lister) ([]*asynq.TaskInfo, error) {
	var tasks []*asynq.TaskInfo
	for page := 1; ; page++ {
		if err := ctx.Err(); err != nil {
			return nil, err // the inspector accepts no context
		}
		more, err := list(queue, asynq.PageSize(pageSize), asynq.Page(page))
		if errors.Is(err, asynq.ErrQueueNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, more...)
		if len(more) < pageSize {
			return tasks, nil
		}
	}
}

// Stats counts exactly. Due tasks are ready, although asynq calls them that only after a worker has noticed them. A
// task whose worker vanished is in flight until it has a copy.
func (d *Driver) Stats(ctx context.Context) (queue.Stats, error) {
	if err := ctx.Err(); err != nil {
		return queue.Stats{}, err // the inspector accepts no context
	}
	queues, err := d.inspector.Queues()
	if err != nil || !slices.Contains(queues, d.queue) {
		return queue.Stats{}, err
	}
	info, err := d.inspector.GetQueueInfo(d.queue)
	if err != nil {
		return queue.Stats{}, err
	}
	stats := queue.Stats{
		Ready: info.Pending, InFlight: info.Active, Dead: info.Archived, OldestReady: max(0, info.Latency),
	}
	replaced, err := d.replaced(ctx)
	if err != nil {
		return queue.Stats{}, fmt.Errorf("count copies: %w", err)
	}
	stats.InFlight -= min(replaced, info.Active)
	now := time.Now()
	for _, waiting := range []struct {
		count int
		list  lister
	}{{info.Scheduled, d.inspector.ListScheduledTasks}, {info.Retry, d.inspector.ListRetryTasks}} {
		due, age, err := d.due(ctx, waiting.list, now)
		if err != nil {
			return queue.Stats{}, fmt.Errorf("count due tasks: %w", err)
		}
		due = min(due, waiting.count) // tasks have moved since they were counted
		stats.Ready += due
		stats.Delayed += waiting.count - due
		stats.OldestReady = max(stats.OldestReady, age)
	}
	return stats, nil
}

// replaced counts the tasks of vanished workers of which there are copies.
func (d *Driver) replaced(ctx context.Context) (count int, err error) {
	active, err := all(ctx, d.queue, d.inspector.ListActiveTasks)
	if err != nil {
		return 0, err
	}
	for _, info := range active {
		if !info.IsOrphaned {
			continue
		}
		switch found, err := d.exists(ctx, copyID(info.ID, info.Headers)); {
		case err != nil:
			return 0, err
		case found:
			count++
		}
	}
	return count, nil
}

// due counts the tasks at the head of a list that is sorted by time, and returns how long the first has been due.
func (d *Driver) due(ctx context.Context, list lister, now time.Time) (count int, age time.Duration, err error) {
	tasks, err := all(ctx, d.queue, func(queue string, options ...asynq.ListOption) ([]*asynq.TaskInfo, error) {
		page, err := list(queue, options...)
		end := slices.IndexFunc(page, func(task *asynq.TaskInfo) bool { return task.NextProcessAt.After(now) })
		if end >= 0 {
			page = page[:end]
		}
		return page, err
	})
	if len(tasks) > 0 {
		age = now.Sub(tasks[0].NextProcessAt)
	}
	return len(tasks), age, err
}

// Dead lists the latest first; those that died in the same second are in no particular order.
func (d *Driver) Dead(ctx context.Context, limit int) ([]queue.DeadTask, error) {
	letters, err := d.letters(ctx)
	if err != nil {
		return nil, err
	}
	letters = letters[:min(limit, len(letters))]
	dead := make([]queue.DeadTask, len(letters))
	for i, info := range letters {
		dead[i] = deadTask(info)
	}
	return dead, nil
}

// letters returns all dead letters, the latest first.
func (d *Driver) letters(ctx context.Context) ([]*asynq.TaskInfo, error) {
	letters, err := all(ctx, d.queue, d.inspector.ListArchivedTasks)
	slices.SortStableFunc(letters, func(a, b *asynq.TaskInfo) int { return b.LastFailedAt.Compare(a.LastFailedAt) })
	return letters, err
}

func taskOf(info *asynq.TaskInfo) queue.Task {
	return queue.Task{Kind: info.Type, ID: idOf(info.ID), Payload: info.Payload, Trace: info.Headers[traceHeader]}
}

func deadTask(info *asynq.TaskInfo) queue.DeadTask {
	return queue.DeadTask{
		Task:     taskOf(info),
		Attempts: originOf(info.Headers).attempts + info.Retried + 1, Reason: info.LastErr, DiedAt: info.LastFailedAt,
	}
}

// Redrive redrives one dead letter of the task, even if there are several.
func (d *Driver) Redrive(ctx context.Context, kind, id string) (bool, error) {
	redriven, err := d.RedriveAll(ctx, func(task queue.DeadTask) bool { return task.Kind == kind && task.ID == id })
	return len(redriven) > 0, err
}

// RedriveAll leaves further dead letters of the same task where they are.
func (d *Driver) RedriveAll(ctx context.Context, wanted func(queue.DeadTask) bool) ([]queue.DeadTask, error) {
	letters, err := d.letters(ctx)
	if err != nil {
		return nil, err
	}
	var redriven []queue.DeadTask
	done := map[string]bool{}
	for _, info := range letters {
		task, id := deadTask(info), original(info.ID)
		if done[id] || !wanted(task) {
			continue
		}
		sent, err := d.redrive(ctx, info, task.Task)
		if sent {
			done[id] = true
			redriven = append(redriven, task)
		}
		if err != nil {
			return redriven, err
		}
	}
	return redriven, nil
}

// redrive returns false if another process has redriven the dead letter.
func (d *Driver) redrive(ctx context.Context, info *asynq.TaskInfo, task queue.Task) (bool, error) {
	sent, err := d.send(ctx, copyID(info.ID, info.Headers), task, origin{redriven: true})
	if err != nil {
		return false, fmt.Errorf("send: %w", err)
	}
	if err := d.delete(info.ID); err != nil {
		return sent, fmt.Errorf("delete the dead letter: %w", err)
	}
	return sent, nil
}
