package asynqueue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"risingstars/platform/queue"
)

// Stats counts exactly. Due tasks are ready, although without a worker nobody moves them to asynq's pending
// ones; a task whose worker vanished is in flight until another worker finds it.
func (d *Driver) Stats(ctx context.Context) (queue.Stats, error) {
	now := time.Now()
	k := d.keys
	values, err := d.stats.Run(ctx, d.client, []string{k.pending, k.active, k.scheduled, k.retry, k.archived}, now.Unix(), k.task).Slice()
	if err != nil {
		return queue.Stats{}, err
	}
	var counts [5]int64
	var since [2]string
	for i := range counts {
		counts[i], _ = values[i].(int64)
	}
	for i := range since {
		since[i], _ = values[len(counts)+i].(string)
	}
	pending, active, due, delayed, archived := counts[0], counts[1], counts[2], counts[3], counts[4]
	return queue.Stats{
		Ready: int(pending + due), InFlight: int(active), Delayed: int(delayed - due), Dead: int(archived),
		OldestReady: max(age(now, since[0], time.Nanosecond), age(now, since[1], time.Second)),
	}, nil
}

// age is zero for no time at all.
func age(now time.Time, since string, unit time.Duration) time.Duration {
	n, err := strconv.ParseInt(since, 10, 64)
	if err != nil {
		return 0
	}
	return max(0, now.Sub(time.Unix(0, n*int64(unit))))
}

// Dead lists the latest first, those of one second in no order.
func (d *Driver) Dead(ctx context.Context, limit int) ([]queue.DeadTask, error) {
	ids, err := d.client.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{Key: d.keys.archived, Stop: limit - 1, Start: 0, Rev: true}).Result()
	if err != nil {
		return nil, err
	}
	dead := make([]queue.DeadTask, 0, len(ids))
	for _, entry := range ids {
		id := fmt.Sprint(entry.Member)
		info, err := d.info(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("read task %s: %w", id, err)
		}
		if info == nil || info.State != asynq.TaskStateArchived {
			continue // revived since
		}
		dead = append(dead, queue.DeadTask{
			Task:     queue.Task{Kind: info.Type, ID: idOf(id), Payload: info.Payload},
			Attempts: info.Retried + 1, Reason: info.LastErr, DiedAt: time.Unix(int64(entry.Score), 0),
		})
	}
	return dead, nil
}
