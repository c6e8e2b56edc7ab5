package asynqueue

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	recoverEvery = 5 * time.Second
	recoverBatch = 100
	// clockSkew is how far the clocks of two processes may differ before one takes the other for vanished, beside the 25 s
	// that a worker's lease has left when it is renewed.
	clockSkew = 5 * time.Second
)

//go:embed recover.lua
var recoverSource string

// recoverTasks gives back, until ctx ends, the tasks of workers that vanished. asynq does so itself, but looks once a
// minute for leases that lapsed 30 s ago, and somebody waits for each of these tasks.
func (d *Driver) recoverTasks(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(recoverEvery)
	defer ticker.Stop()
	for {
		if err := d.recoverLapsed(ctx, time.Now(), log); err != nil && ctx.Err() == nil {
			log.DebugContext(ctx, "tasks of vanished workers not looked for", "error", err) // asynq warns of an outage
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *Driver) recoverLapsed(ctx context.Context, now time.Time, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	until := now.Add(-clockSkew).Unix()
	ids, err := d.client.ZRangeByScore(ctx, d.keys.lease, &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(until, 10), Count: recoverBatch,
	}).Result()
	if err != nil {
		return fmt.Errorf("list lapsed leases: %w", err)
	}
	for _, id := range ids {
		switch recovered, err := d.recoverTask(ctx, id, until, now); {
		case err != nil:
			return fmt.Errorf("recover task %s: %w", id, err)
		case recovered:
			log.WarnContext(ctx, "a worker vanished; its task is ready again", "id", idOf(id))
		}
	}
	return nil
}

func (d *Driver) recoverTask(ctx context.Context, id string, until int64, now time.Time) (bool, error) {
	key := d.keys.task + id
	message, err := d.client.HGet(ctx, key, "msg").Bytes()
	if errors.Is(err, redis.Nil) {
		return false, nil // Enqueue puts it right
	}
	if err != nil {
		return false, err
	}
	info, err := d.info(ctx, id)
	if err != nil || info == nil {
		return false, err
	}
	return d.recovering.Run(ctx, d.client, []string{key, d.keys.active, d.keys.lease, d.keys.pending},
		id, until, message, failed(message, info.Retried+1, asynq.ErrLeaseExpired), now.UnixNano()).Bool()
}

// failed is asynq's message of a task with another count of retries and another last error: of a field that comes twice,
// protobuf takes the last (protobuf.dev, "Encoding", "Last One Wins").
func failed(message []byte, retried int, reason error) []byte {
	const (
		varint, text    = 0, 2
		retriedTag      = 6<<3 | varint // asynq, internal/proto/asynq.proto
		errorMessageTag = 7<<3 | text
	)
	changed := append(slices.Clip(message), retriedTag)
	changed = binary.AppendUvarint(changed, uint64(retried))
	changed = append(changed, errorMessageTag)
	changed = binary.AppendUvarint(changed, uint64(len(reason.Error())))
	return append(changed, reason.Error()...)
}
