package asynqueue_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

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

// redisURL is of the server that all tests share.
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
	b := &bench{Bench: queuetest.Bench{T: t}, url: address, name: "test-" + rand.Text()}
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

func (b *bench) key(name string) string { return "asynq:{" + b.name + "}:" + name }

// dies has a worker give the tasks up.
func (b *bench) dies(ids ...string) {
	b.Helper()
	worker := b.Work(func(context.Context, queue.Delivery) error { return queue.Dead(nil) })
	b.Enqueue(ids...)
	b.Eventually("the deaths", func() bool { return b.Stats().Dead == len(ids) })
	b.Stop(worker)
}

// The test binary is also a worker in a process of its own, for a test to kill.
const (
	workerURL   = "ASYNQUEUE_TEST_WORKER_URL"
	workerQueue = "ASYNQUEUE_TEST_WORKER_QUEUE"
	workerMark  = "ASYNQUEUE_TEST_WORKER_MARK" // the file that it makes when it has a task
)

func TestMain(m *testing.M) {
	if os.Getenv(workerURL) != "" {
		if err := workUntilKilled(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func workUntilKilled() error {
	driver, err := asynqueue.Open(context.Background(), asynqueue.Options{URL: os.Getenv(workerURL), Queue: os.Getenv(workerQueue), Poll: poll})
	if err != nil {
		return err
	}
	worker := queue.NewWorker(driver, queue.Handlers{kind: {Run: func(_ context.Context, d queue.Delivery) error {
		if err := os.WriteFile(os.Getenv(workerMark), []byte(fmt.Sprint(d.Attempt)), 0o600); err != nil {
			return err
		}
		select {}
	}}}, queue.WorkerOptions{})
	if err := worker.Start(context.Background()); err != nil {
		return err
	}
	select {}
}

// vanish has a worker take a task and kills it with SIGKILL; it returns which attempt that was.
func (b *bench) vanish() string {
	b.Helper()
	mark := filepath.Join(b.TempDir(), "mark")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), workerURL+"="+b.url, workerQueue+"="+b.name, workerMark+"="+mark)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	defer child.Wait()
	defer child.Process.Kill()
	var attempt []byte
	b.Eventually("a task in the child's hands", func() bool {
		attempt, _ = os.ReadFile(mark)
		return len(attempt) > 0
	})
	return string(attempt)
}
