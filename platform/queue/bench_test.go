package queue_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/queue/queuetest"
)

const patience = queuetest.Patience

// bench is a queue in the database.
type bench struct {
	queuetest.Bench
	db       *database.DB
	driver   *dbqueue.Driver // the same as Driver
	registry *prometheus.Registry
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		Bench: queuetest.Bench{T: t, Promises: queuetest.Promises{TellsAge: true}},
		db:    databasetest.Open(t, dbqueue.Migrations()), registry: prometheus.NewRegistry(),
	}
	b.driver = dbqueue.New(b.db, dbqueue.Options{Poll: 20 * time.Millisecond})
	b.Driver = b.driver
	b.Queue = queue.New(b.driver, queue.Options{
		Registerer: b.registry, Logger: b.Logger(), StatsTimeout: patience,
	})
	return b
}

func (b *bench) start(handlers queue.Handlers) *queue.Worker {
	b.Helper()
	return b.startOn(b.driver, handlers, 10*time.Minute)
}

// startOn starts a worker. Only tests of the visibility's end should set a short one, because it also ends if the
// machine stands still.
func (b *bench) startOn(driver queue.Driver, handlers queue.Handlers, visibility time.Duration) *queue.Worker {
	b.Helper()
	return b.WorkOn(driver, handlers, queue.WorkerOptions{Visibility: visibility, Registerer: b.registry})
}

// samples returns the gathered values by name and labels; a histogram's value is its count.
func (b *bench) samples() map[string]float64 {
	b.Helper()
	families, err := b.registry.Gather()
	if err != nil {
		b.Fatal(err)
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
