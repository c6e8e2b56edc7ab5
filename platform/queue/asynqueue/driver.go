// Package asynqueue keeps a queue's tasks in Redis through hibiken/asynq. It uses asynq's public API only, so asynq's
// tools (the asynq command, asynqmon) show the queue and may operate it. Only Redrive marks its tasks as redriven,
// though: a dead letter that such a tool runs again keeps the number of its last attempt.
//
// Visibility is asynq's lease: 30 s, renewed every 5 s, whatever a worker asks for. When a worker vanishes, asynq
// itself returns its tasks one to two minutes later. That is too late, so every worker looks for such tasks and sends a
// copy of each, with one attempt used up, within 40 s of the vanished worker's last sign of life. The original is
// dropped when asynq returns it.
//
// A revived or redriven dead letter is a new task. Enqueue deletes the dead one first, so a crash in between loses the
// task, and its owner must send it again. Redrive deletes it last, so a crash in between leaves the dead letter beside
// the new task. Delays are whole seconds, rounded up. Dead letters are kept for 90 days, and only the latest 10,000 of
// them.
//
// Tasks are only as durable as Redis's persistence: their owners must enqueue lost ones again. Redis must not evict
// (maxmemory-policy noeviction), and must be version 6.2 or later. Times come from the processes' clocks: if two differ
// by more than 20 s, one process may consider the other's worker vanished.
package asynqueue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"risingstars/platform/queue"
)

const (
	pingTimeout = 5 * time.Second
	// readTimeout is long, because Redis also hands out a task to a client that has hung up by then, and nobody else
	// gets it before its visibility ends. The URL's read_timeout takes precedence.
	readTimeout = 10 * time.Second
	// inspectTimeout is shorter: the inspector accepts no context, and a scrape must not wait for long.
	inspectTimeout = 2 * time.Second

	// Package queue decides about attempts and times. Asynq would use its own defaults for zero values.
	maxRetry  = math.MaxInt32
	noTimeout = 365 * 24 * time.Hour

	maxSends = 5
)

// Options of a Driver. URL is required.
type Options struct {
	URL   string // redis://[user:password@]host[:port][/db]; rediss:// for TLS
	Queue string // asynq's name of the queue; "": showcase
	// Poll is how often an idle worker looks for tasks, and for those that have become due; 0: 500 ms. Each pause is up
	// to half of it shorter or longer.
	Poll time.Duration
}

// Driver is a queue in Redis.
type Driver struct {
	client     *redis.Client
	inspecting *redis.Client
	inspector  *asynq.Inspector
	queue      string
	poll       time.Duration
}

var (
	_ queue.Driver   = (*Driver)(nil)
	_ queue.Redriver = (*Driver)(nil)
)

// Open fails if Redis does not answer within 5 s. Close the driver after its workers have stopped.
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
		return nil, errors.New(
			"open Redis queue: the URL must look like redis://user:password@host:port/db, or rediss:// for TLS")
	}
	connection.ContextTimeoutEnabled = true
	// An asynq server asks again at once while Redis is away; these pauses are the only ones.
	connection.MinRetryBackoff, connection.MaxRetryBackoff = 50*time.Millisecond, time.Second
	inspecting := *connection
	inspecting.DialTimeout, inspecting.ReadTimeout, inspecting.MaxRetries = inspectTimeout, inspectTimeout, -1
	if connection.ReadTimeout == 0 {
		connection.ReadTimeout = readTimeout
	}

	d := &Driver{
		client: redis.NewClient(connection), inspecting: redis.NewClient(&inspecting),
		queue: options.Queue, poll: options.Poll,
	}
	d.inspector = asynq.NewInspectorFromRedisClient(d.inspecting)
	if err := d.Ping(ctx); err != nil {
		return nil, fmt.Errorf("open Redis queue: %w", errors.Join(err, d.close()))
	}
	return d, nil
}

// Close ends the connections.
func (d *Driver) Close() error {
	if err := d.close(); err != nil {
		return fmt.Errorf("close Redis queue: %w", err)
	}
	return nil
}

func (d *Driver) close() error { return errors.Join(d.client.Close(), d.inspecting.Close()) }

// Ping fails if Redis does not answer.
func (d *Driver) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := d.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("no answer from Redis at %s: %w", d.client.Options().Addr, err)
	}
	return nil
}

// Enqueue starts over, a few times, if another process changes the task meanwhile. For a task whose worker vanished it
// continues with the task's copy.
func (d *Driver) Enqueue(ctx context.Context, task queue.Task) error {
	id := taskID(task.Kind, task.ID)
	trouble := errors.New("the task keeps changing")
	var options []asynq.Option
	for range maxSends {
		sent, err := d.send(ctx, id, task, origin{}, options...)
		if err != nil || sent {
			return err
		}
		info, err := d.info(ctx, id)
		switch {
		case err != nil:
			return err
		case info == nil:
			// It has ended since.
		case info.State == asynq.TaskStateArchived, info.State == asynq.TaskStateCompleted:
			if err := d.delete(id); err != nil {
				trouble = err
			}
		case info.State == asynq.TaskStateActive:
			id = copyID(info.ID, info.Headers)
			if replaced, err := d.exists(ctx, id); err != nil || !replaced {
				return err
			}
			options = []asynq.Option{asynq.Retention(retention)} // as for every copy
		default:
			return nil
		}
	}
	return trouble
}

// origin is what a copy inherits from the task before it.
type origin struct {
	attempts int // used up
	redriven bool
}

// The headers of a task. Tasks of older versions and of other programs have none.
const (
	sendHeader     = "Send" // a random name of this send
	attemptsHeader = "Attempts"
	redrivenHeader = "Redriven"
	traceHeader    = "Traceparent"
)

func originOf(headers map[string]string) origin {
	attempts, _ := strconv.Atoi(headers[attemptsHeader])
	return origin{attempts: attempts, redriven: headers[redrivenHeader] != ""}
}

// send returns false if there is a task with this ID.
func (d *Driver) send(
	ctx context.Context, id string, task queue.Task, from origin, options ...asynq.Option,
) (bool, error) {
	headers := map[string]string{sendHeader: rand.Text()}
	if from.attempts > 0 {
		headers[attemptsHeader] = strconv.Itoa(from.attempts)
	}
	if from.redriven {
		headers[redrivenHeader] = "true"
	}
	if task.Trace != "" {
		headers[traceHeader] = task.Trace
	}
	// A new client enters the queue in asynq's register of queues, which is lost when Redis is flushed.
	client := asynq.NewClientFromRedisClient(d.client)
	_, err := client.EnqueueContext(ctx, asynq.NewTaskWithHeaders(task.Kind, task.Payload, headers), append(options,
		asynq.Queue(d.queue), asynq.TaskID(id), asynq.MaxRetry(maxRetry), asynq.Timeout(noTimeout))...)
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return false, nil
	}
	return err == nil, err
}

// info returns nil if there is no such task.
func (d *Driver) info(ctx context.Context, id string) (*asynq.TaskInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // the inspector accepts no context
	}
	info, err := d.inspector.GetTaskInfo(d.queue, id)
	if isMissing(err) {
		return nil, nil
	}
	return info, err
}

func (d *Driver) exists(ctx context.Context, id string) (bool, error) {
	info, err := d.info(ctx, id)
	return info != nil, err
}

// delete fails if the task runs.
func (d *Driver) delete(id string) error {
	if err := d.inspector.DeleteTask(d.queue, id); !isMissing(err) {
		return err
	}
	return nil
}

func isMissing(err error) bool {
	return errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound)
}

// taskID is unique over all kinds: the escaped kind contains neither ':' nor '#'.
func taskID(kind, id string) string { return url.QueryEscape(kind) + ":" + id }

// copyID is the ID of a task's copy. It is the same for all processes, so that only one of them sends it, and differs
// from the IDs of all other sends of the task.
func copyID(id string, headers map[string]string) string {
	return headers[sendHeader] + "#" + original(id)
}

// original returns the ID of the task of which id may be a copy.
func original(id string) string {
	kind, _, _ := strings.Cut(id, ":")
	if i := strings.IndexByte(kind, '#'); i >= 0 {
		return id[i+1:]
	}
	return id
}

// idOf returns the ID within the kind. A task that another program enqueued may have any ID.
func idOf(taskID string) string {
	id := original(taskID)
	if _, within, ok := strings.Cut(id, ":"); ok {
		return within
	}
	return id
}
