package asynqueue

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// keys are asynq's names in Redis: the sets and lists of task IDs by state, and the tasks themselves.
type keys struct {
	queues, pending, active, lease, scheduled, retry, archived, completed string
	task                                                                  string // followed by the task's ID
}

func keysOf(queue string) keys {
	prefix := "asynq:{" + queue + "}:"
	return keys{
		queues:  "asynq:queues",
		pending: prefix + "pending", active: prefix + "active", lease: prefix + "lease",
		scheduled: prefix + "scheduled", retry: prefix + "retry",
		archived: prefix + "archived", completed: prefix + "completed",
		task: prefix + "t:",
	}
}

// enqueuing is what an asynq client takes for Redis. asynq can enqueue a new task only: to revive a dead one
// it would have to be deleted first, and lost should the process end there. So our script runs in the place
// of asynq's, on the task that asynq has encoded: it is given asynq's keys and arguments, and returns what
// asynq's would. The client must be used for nothing else.
type enqueuing struct {
	redis.UniversalClient
	script   *redis.Script
	keys     keys
	queue    string
	onlyDead bool
}

func (e *enqueuing) EvalSha(ctx context.Context, _ string, asynqKeys []string, args ...any) *redis.Cmd {
	k := e.keys
	return e.script.Run(ctx, e.UniversalClient,
		append(slices.Clip(asynqKeys), k.active, k.lease, k.archived, k.completed, k.queues),
		append(slices.Clip(args), e.queue, e.onlyDead)...)
}
