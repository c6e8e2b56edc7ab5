package certificate

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct{ failures prometheus.Counter }

// newMetrics panics if its metrics are already registered.
func newMetrics(registerer prometheus.Registerer, m *Manager) *metrics {
	register := promauto.With(registerer)
	gauge := func(name, help string, value func() float64) {
		register.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	gauge("certificate_not_before_timestamp_seconds",
		"When the certificate began that is the first to end, in Unix time; 0: there is none.", func() float64 {
			begin, _ := m.first()
			return unix(begin)
		})
	gauge("certificate_not_after_timestamp_seconds",
		"When the first of the certificates ends, in Unix time; 0: there is none.", func() float64 {
			_, end := m.first()
			return unix(end)
		})
	gauge("certificate_names_uncovered", "Names of the site that have no valid certificate.", func() float64 {
		return float64(len(m.uncovered(time.Now())))
	})
	return &metrics{register.NewCounter(prometheus.CounterOpts{
		Name: "certificate_failures_total", Help: "Times that no certificate was obtained.",
	})}
}

// first returns the life of the certificate that is the first to end, or zero times.
func (m *Manager) first() (begin, end time.Time) {
	for _, name := range m.o.Names {
		if leaf := m.leaf(name); leaf != nil && (end.IsZero() || leaf.NotAfter.Before(end)) {
			begin, end = leaf.NotBefore, leaf.NotAfter
		}
	}
	return begin, end
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
