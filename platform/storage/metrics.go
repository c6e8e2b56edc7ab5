package storage

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"risingstars/platform/disk"
)

type metrics struct {
	duration *prometheus.HistogramVec
	written  prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	factory := promauto.With(registerer)
	return &metrics{
		duration: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "storage_operation_duration_seconds",
			Help:    "Duration of storage operations, without the reads after open.",
			Buckets: []float64{.001, .005, .025, .1, .5, 1, 5, 15, 60, 300},
		}, []string{"operation", "result"}),
		written: factory.NewCounter(prometheus.CounterOpts{
			Name: "storage_written_bytes_total",
			Help: "Bytes of stored objects.",
		}),
	}
}

func (m *metrics) observe(operation string, start time.Time, err error) {
	m.duration.WithLabelValues(operation, result(err)).Observe(time.Since(start).Seconds())
}

// result is the value of the label with the same name.
func result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrNotFound):
		return "not_found"
	case errors.Is(err, ErrTooLarge):
		return "too_large"
	case errors.Is(err, ErrInvalidKey):
		return "invalid_key"
	case errors.Is(err, ErrNoUpload):
		return "no_upload"
	case errors.Is(err, ErrBadParts):
		return "bad_parts"
	case errors.Is(err, disk.ErrFull):
		return "full"
	case errors.Is(err, errors.ErrUnsupported):
		return "unsupported"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	}
	return "error"
}
