package asynqueue_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"risingstars/platform/queue"
	"risingstars/platform/queue/asynqueue"
)

const (
	patience = time.Minute
	poll     = 20 * time.Millisecond
	kind     = "probe"
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
	*testing.T
	url    string
	name   string // asynq's, of the queue
	redis  *redis.Client
	driver *asynqueue.Driver
	queue  *queue.Queue
	gates  []func() // opened before workers are stopped
}

func setup(t *testing.T) *bench {
	t.Helper()
	return setupOn(t, redisURL(t))
}

func setupOn(t *testing.T, address string) *bench {
	t.Helper()
	b := &bench{T: t, url: address, name: "test-" + rand.Text()}
	connection, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	b.redis = redis.NewClient(connection)
	t.Cleanup(func() { b.redis.Close() })
	b.driver = open(t, asynqueue.Options{URL: address, Queue: b.name, Poll: poll})
	b.queue = queue.New(b.driver, queue.Options{})
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

func (b *bench) enqueue(ids ...string) {
	b.Helper()
	for _, id := range ids {
		if err := b.queue.Enqueue(b.Context(), queue.Task{Kind: kind, ID: id}); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bench) work(run func(ctx context.Context, d queue.Delivery) error) *queue.Worker {
	b.Helper()
	return b.workWith(queue.Handler{Run: run})
}

func (b *bench) workWith(handler queue.Handler) *queue.Worker {
	b.Helper()
	worker := queue.NewWorker(b.driver, queue.Handlers{kind: handler}, queue.WorkerOptions{
		Grace: -1, Backoff: queue.Backoff{Base: time.Millisecond, Max: time.Millisecond}, Logger: slog.New(slog.DiscardHandler),
	})
	if err := worker.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.stopAtTheEnd(worker)
	return worker
}

func (b *bench) stopAtTheEnd(worker *queue.Worker) {
	b.Cleanup(func() {
		for _, open := range b.gates {
			open()
		}
		b.stop(worker)
	})
}

func (b *bench) stop(worker *queue.Worker) {
	b.Helper()
	if err := worker.Stop(context.Background()); err != nil {
		b.Error(err)
	}
}

// dies has a worker give the tasks up.
func (b *bench) dies(ids ...string) {
	b.Helper()
	worker := b.work(func(context.Context, queue.Delivery) error { return queue.Dead(nil) })
	b.enqueue(ids...)
	b.eventually("the deaths", func() bool { return b.stats().Dead == len(ids) })
	b.stop(worker)
}

func (b *bench) stats() queue.Stats {
	b.Helper()
	stats, err := b.queue.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	stats.OldestReady = 0
	return stats
}

func (b *bench) eventuallyStats(want queue.Stats) {
	b.Helper()
	b.eventually(fmt.Sprintf("%+v", want), func() bool { return b.stats() == want })
}

func (b *bench) eventually(what string, answer func() bool) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !answer(); <-tick.C {
		if time.Now().After(deadline) {
			b.Fatalf("did not come: %s; stats %+v", what, b.stats())
		}
	}
}

// gate is what handlers wait at until it is opened, at the latest when the test ends.
func gate(b *bench) (release <-chan struct{}, open func()) {
	c := make(chan struct{})
	open = sync.OnceFunc(func() { close(c) })
	b.gates = append(b.gates, open)
	return c, open
}

func next[T any](b *bench, from <-chan T) T {
	b.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		b.Fatalf("nothing came; stats %+v", b.stats())
		panic("unreachable")
	}
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
	b.eventually("a task in the child's hands", func() bool {
		attempt, _ = os.ReadFile(mark)
		return len(attempt) > 0
	})
	return string(attempt)
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// lines with this message.
func (l *logBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []map[string]any
	for decoder := json.NewDecoder(bytes.NewReader(l.buf.Bytes())); ; {
		var line map[string]any
		if err := decoder.Decode(&line); errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			t.Fatal(err)
		}
		if line["msg"] == message {
			lines = append(lines, line)
		}
	}
}
