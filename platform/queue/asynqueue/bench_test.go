package asynqueue_test

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"risingstars/platform/queue"
	"risingstars/platform/queue/asynqueue"
	"risingstars/platform/queue/queuetest"
)

const (
	patience = queuetest.Patience
	poll     = 20 * time.Millisecond
	kind     = queuetest.Kind
)

// redisURL returns the URL of the server that all tests share.
func redisURL(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs Redis")
	}
	address := os.Getenv("TEST_REDIS_URL")
	if address == "" {
		t.Fatal("no TEST_REDIS_URL: run make test, which starts a Redis server")
	}
	return address
}

// bench is one queue under test.
type bench struct {
	queuetest.Bench
	url   string
	name  string // asynq's, of the queue
	redis *redis.Client
}

func setup(t *testing.T) *bench {
	t.Helper()
	return setupOn(t, redisURL(t))
}

func setupOn(t *testing.T, address string) *bench {
	t.Helper()
	b := &bench{Bench: queuetest.Bench{T: t, Promises: promises}, url: address, name: "test-" + rand.Text()}
	connection, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	b.redis = redis.NewClient(connection)
	t.Cleanup(func() { b.redis.Close() })
	b.Driver = open(t, asynqueue.Options{URL: address, Queue: b.name, Poll: poll})
	b.Queue = queue.New(b.Driver, queue.Options{})
	return b
}

func open(t *testing.T, options asynqueue.Options) *asynqueue.Driver {
	t.Helper()
	driver, err := asynqueue.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := driver.Close(); err != nil {
			t.Error(err)
		}
	})
	return driver
}

// inspector is asynq's own, as its tools use it.
func (b *bench) inspector() *asynq.Inspector { return asynq.NewInspectorFromRedisClient(b.redis) }

// enqueueRaw enqueues past the driver.
func (b *bench) enqueueRaw(id string, headers map[string]string, options ...asynq.Option) {
	b.Helper()
	task := asynq.NewTaskWithHeaders(kind, nil, headers)
	_, err := asynq.NewClientFromRedisClient(b.redis).EnqueueContext(b.Context(), task,
		append(options, asynq.Queue(b.name), asynq.TaskID(id))...)
	if err != nil {
		b.Fatal(err)
	}
}

// bury has a worker turn the tasks into dead letters.
func (b *bench) bury(ids ...string) {
	b.Helper()
	before := b.Stats().Dead
	worker := b.WorkWith(func(context.Context, queue.Delivery) error {
		return errors.New("no use")
	}, queue.WorkerOptions{MaxAttempts: 1})
	b.Enqueue(ids...)
	b.Eventually("the deaths", func() bool { return b.Stats().Dead == before+len(ids) })
	b.Stop(worker)
}

// The test binary is also a worker in a process of its own, for a test to kill.
const (
	workerURL   = "ASYNQUEUE_TEST_WORKER_URL"
	workerQueue = "ASYNQUEUE_TEST_WORKER_QUEUE"
	workerMark  = "ASYNQUEUE_TEST_WORKER_MARK" // a prefix of the files that it creates, one for each task that it has
)

const maxHeld = 3 // tasks that it runs at once

func TestMain(m *testing.M) {
	if os.Getenv(workerURL) != "" {
		if err := workUntilKilled(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	flag.Set("test.parallel", "8") // some tests only wait for a visibility of 30 s to end
	os.Exit(m.Run())
}

func workUntilKilled() error {
	driver, err := asynqueue.Open(context.Background(), asynqueue.Options{
		URL: os.Getenv(workerURL), Queue: os.Getenv(workerQueue), Poll: poll,
	})
	if err != nil {
		return err
	}
	worker := queue.NewWorker(driver, queue.Handlers{kind: {Run: func(_ context.Context, d queue.Delivery) error {
		if err := os.WriteFile(os.Getenv(workerMark)+d.ID, []byte(fmt.Sprint(d.Attempt)), 0o600); err != nil {
			return err
		}
		select {}
	}}}, queue.WorkerOptions{Concurrency: maxHeld})
	if err := worker.Start(context.Background()); err != nil {
		return err
	}
	select {}
}

// vanish has a worker run tasks, kills it with SIGKILL and returns the numbers of the interrupted attempts.
func vanish(b *queuetest.Bench, url, name string, ids ...string) (attempts []string) {
	b.Helper()
	mark := filepath.Join(b.TempDir(), "mark-")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), workerURL+"="+url, workerQueue+"="+name, workerMark+"="+mark)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	defer child.Wait()
	defer child.Process.Kill()
	for _, id := range ids {
		var attempt []byte
		b.Eventually("the start of task "+id, func() bool {
			attempt, _ = os.ReadFile(mark + id)
			return len(attempt) > 0
		})
		attempts = append(attempts, string(attempt))
	}
	return attempts
}
