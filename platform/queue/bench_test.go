package queue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
)

const patience = time.Minute

type bench struct {
	db       *database.DB
	driver   *dbqueue.Driver
	queue    *queue.Queue
	registry *prometheus.Registry
	log      *logBuffer
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{db: databasetest.Open(t, dbqueue.Migrations()), registry: prometheus.NewRegistry(), log: &logBuffer{}}
	b.driver = dbqueue.New(b.db, dbqueue.Options{Poll: 20 * time.Millisecond})
	b.queue = queue.New(b.driver, queue.Options{Registerer: b.registry, Logger: b.log.logger(), StatsTimeout: patience})
	return b
}

func (b *bench) start(t *testing.T, handlers queue.Handlers) *queue.Worker {
	t.Helper()
	return b.startOn(t, b.driver, handlers, 10*time.Minute)
}

// startOn needs a short visibility only for tests of leases that lapse: they do so too when the machine stands still.
func (b *bench) startOn(t *testing.T, driver queue.Driver, handlers queue.Handlers, visibility time.Duration) *queue.Worker {
	t.Helper()
	worker := queue.NewWorker(driver, handlers, queue.WorkerOptions{
		Visibility: visibility, Grace: -1, Backoff: queue.Backoff{Base: time.Millisecond},
		Logger: b.log.logger(), Registerer: b.registry,
	})
	if err := worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, worker) })
	return worker
}

func stop(t *testing.T, worker *queue.Worker) {
	t.Helper()
	if err := worker.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func (b *bench) enqueue(t *testing.T, kind, id string) {
	t.Helper()
	if err := b.queue.Enqueue(t.Context(), queue.Task{Kind: kind, ID: id}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) eventually(t *testing.T, want queue.Stats) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		got, err := b.queue.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got.OldestReady = want.OldestReady
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("stats %+v, want %+v", got, want)
		}
	}
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// samples are the gathered values by name and labels; a histogram's is its count.
func (b *bench) samples(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := b.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			switch {
			case metric.GetCounter() != nil:
				samples[name] = metric.GetCounter().GetValue()
			case metric.GetGauge() != nil:
				samples[name] = metric.GetGauge().GetValue()
			case metric.GetHistogram() != nil:
				samples[name] = float64(metric.GetHistogram().GetSampleCount())
			}
		}
	}
	return samples
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
