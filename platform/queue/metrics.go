package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// How a delivery ended, in metrics and logs.
const (
	outcomeDone      = "done"
	outcomeRetried   = "retried"
	outcomePostponed = "postponed"
	outcomeDiscarded = "discarded"
	outcomeDead      = "dead"
	outcomeGivenBack = "given_back"
	outcomeLost      = "lost"
)

// unknownKind stands for every kind without a handler: kinds come from outside, and a metric must not have a series for
// each.
const unknownKind = "unknown"

type workerMetrics struct {
	tasks    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// newWorkerMetrics lets the series of the handlers exist from the start, so that their first increase is seen as one.
func newWorkerMetrics(registerer prometheus.Registerer, handlers Handlers) *workerMetrics {
	factory := promauto.With(registerer)
	m := &workerMetrics{
		tasks: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "queue_tasks_total",
			Help: "Deliveries by how they ended.",
		}, []string{"kind", "outcome"}),
		duration: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "queue_task_duration_seconds",
			Help:    "How long a handler took.",
			Buckets: []float64{.01, .05, .25, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640},
		}, []string{"kind"}),
		inFlight: factory.NewGauge(prometheus.GaugeOpts{
			Name: "queue_tasks_running",
			Help: "Handlers of this process that run now.",
		}),
	}
	for kind := range handlers {
		m.duration.WithLabelValues(kind)
		for _, outcome := range []string{
			outcomeDone, outcomeRetried, outcomePostponed, outcomeDiscarded, outcomeDead, outcomeGivenBack, outcomeLost,
		} {
			m.tasks.WithLabelValues(kind, outcome)
		}
	}
	return m
}

var (
	depthDesc = prometheus.NewDesc("queue_depth",
		"Tasks by state, over all processes.", []string{"state"}, nil)
	oldestDesc = prometheus.NewDesc("queue_oldest_ready_seconds",
		"How long ago the oldest ready task could have started.", nil, nil)
)

// depthCollector asks the queue when it is scraped. If the queue does not answer, its series are left out, so that the
// process's other metrics still arrive.
type depthCollector struct {
	queue   *Queue
	timeout time.Duration
	logger  *slog.Logger
}

func (c *depthCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- depthDesc
	descs <- oldestDesc
}

func (c *depthCollector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	stats, err := c.queue.Stats(ctx)
	if err != nil {
		c.logger.WarnContext(ctx, "queue depth not measured", "error", err)
		return
	}
	for state, n := range map[string]int{
		"ready": stats.Ready, "in_flight": stats.InFlight, "delayed": stats.Delayed, "dead": stats.Dead,
	} {
		metrics <- prometheus.MustNewConstMetric(depthDesc, prometheus.GaugeValue, float64(n), state)
	}
	metrics <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, stats.OldestReady.Seconds())
}
