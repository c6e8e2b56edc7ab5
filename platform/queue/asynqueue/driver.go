// Package asynqueue keeps a queue's tasks in Redis by hibiken/asynq and in its layout, so that its tools
// (the asynq command, asynqmon) show the queue and may operate it. Only Redrive marks its tasks as redriven, though:
// a dead one that such a tool runs comes back as the attempt it died of.
//
// A lease is asynq's: 30 s, renewed every 5 s, whatever visibility a worker asks for. The tasks of a worker
// that vanished come back within 40 s of its last sign of life, as long as any worker runs, each with one
// attempt used up. Delays are whole seconds, rounded up. The dead are kept for
// 90 days, and the latest 10,000 of them.
//
// Redis keeps as much as its persistence saves: what it lost must be enqueued again by its owner. It must not
// evict (maxmemory-policy noeviction), and is of version 6.2 or later. Times come from the processes' clocks,
// which differ by seconds at most.
package asynqueue

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"risingstars/platform/queue"
)

const (
	pingTimeout = 5 * time.Second
	// readTimeout is long, because Redis hands out a task also to somebody who has hung up by then, and nobody else gets it
	// before its lease has lapsed. The URL's read_timeout comes first.
	readTimeout = 10 * time.Second

	// How a task is told to asynq: package queue decides about its attempts and its time, and asynq takes
	// none for its own defaults.
	maxRetry  = math.MaxInt32
	noTimeout = 365 * 24 * time.Hour

	redrivenHeader = "Redriven"
)

// Options of a Driver. Without a URL there is none.
type Options struct {
	URL   string // redis://[user:password@]host[:port][/db]; rediss:// for TLS
	Queue string // asynq's name of the queue: "showcase"
	// Poll is how often an idle worker looks for tasks, and for those that have become due. 500 ms, give or
	// take half.
	Poll time.Duration
}

// Driver is a queue in Redis.
type Driver struct {
	client     *redis.Client
	queue      string
	poll       time.Duration
	keys       keys
	stats      *redis.Script
	recovering *redis.Script
	enqueuer   *asynq.Client
	redriver   *asynq.Client
	inspector  *asynq.Inspector
}

var _ queue.Driver = (*Driver)(nil)

//go:embed enqueue.lua
var enqueueSource string

//go:embed stats.lua
var statsSource string

// Open fails when Redis does not answer within 5 s. Close the driver after its workers have stopped.
func Open(ctx context.Context, options Options) (*Driver, error) {
	if options.Queue == "" {
		options.Queue = "showcase"
	}
	if options.Poll <= 0 {
		options.Poll = 500 * time.Millisecond
	}
	connection, err := redis.ParseURL(options.URL)
	if err != nil {
		// The cause would quote the URL, and with it the password.
		return nil, errors.New("open Redis queue: the URL must look like redis://user:password@host:port/db, or rediss:// for TLS")
	}
	connection.ContextTimeoutEnabled = true
	// An asynq server asks again at once while Redis is away; these pauses are the only ones.
	connection.MinRetryBackoff, connection.MaxRetryBackoff = 50*time.Millisecond, time.Second
	if connection.ReadTimeout == 0 {
		connection.ReadTimeout = readTimeout
	}

	client := redis.NewClient(connection)
	d := &Driver{
		client: client, queue: options.Queue, poll: options.Poll, keys: keysOf(options.Queue),
		stats:      redis.NewScript(statsSource),
		recovering: redis.NewScript(recoverSource),
		inspector:  asynq.NewInspectorFromRedisClient(client),
	}
	script := redis.NewScript(enqueueSource)
	d.enqueuer = asynq.NewClientFromRedisClient(&enqueuing{UniversalClient: client, script: script, keys: d.keys, queue: d.queue})
	d.redriver = asynq.NewClientFromRedisClient(&enqueuing{UniversalClient: client, script: script, keys: d.keys, queue: d.queue, onlyDead: true})
	if err := d.Ping(ctx); err != nil {
		return nil, fmt.Errorf("open Redis queue: %w", errors.Join(err, client.Close()))
	}
	return d, nil
}

// Close ends the connections.
func (d *Driver) Close() error {
	if err := d.client.Close(); err != nil {
		return fmt.Errorf("close Redis queue: %w", err)
	}
	return nil
}

// Ping says whether Redis answers.
func (d *Driver) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := d.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("no answer from Redis at %s: %w", d.client.Options().Addr, err)
	}
	return nil
}

// Enqueue also puts right what asynq never would: a task that Redis holds for running, but that nobody has
// leased.
func (d *Driver) Enqueue(ctx context.Context, task queue.Task) error {
	_, err := d.send(ctx, d.enqueuer, task, nil)
	return err
}

// Redrive makes a dead task ready.
func (d *Driver) Redrive(ctx context.Context, kind, id string) (bool, error) {
	info, err := d.info(ctx, taskID(kind, id))
	if err != nil || info == nil || info.State != asynq.TaskStateArchived {
		return false, err
	}
	return d.send(ctx, d.redriver, queue.Task{Kind: kind, ID: id, Payload: info.Payload}, map[string]string{redrivenHeader: "true"})
}

// send is false when the task is left as it is.
func (d *Driver) send(ctx context.Context, client *asynq.Client, task queue.Task, headers map[string]string) (bool, error) {
	_, err := client.EnqueueContext(ctx, asynq.NewTaskWithHeaders(task.Kind, task.Payload, headers),
		asynq.Queue(d.queue), asynq.TaskID(taskID(task.Kind, task.ID)), asynq.MaxRetry(maxRetry), asynq.Timeout(noTimeout))
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return false, nil
	}
	return err == nil, err
}

// info is nil when there is no such task.
func (d *Driver) info(ctx context.Context, id string) (*asynq.TaskInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // the inspector takes no context
	}
	info, err := d.inspector.GetTaskInfo(d.queue, id)
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return nil, nil
	}
	return info, err
}

// taskID is unique over all kinds: the escaped kind has no colon.
func taskID(kind, id string) string { return url.QueryEscape(kind) + ":" + id }

// idOf is the ID within the kind. A task that somebody enqueued by other means may have any ID.
func idOf(taskID string) string {
	if _, id, ok := strings.Cut(taskID, ":"); ok {
		return id
	}
	return taskID
}
