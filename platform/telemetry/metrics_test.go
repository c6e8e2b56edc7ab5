package telemetry_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"risingstars/platform/telemetry"
)

func TestARegistryDescribesMetricsWithoutValues(t *testing.T) {
	t.Parallel()
	r := telemetry.NewRegistry()
	known := map[string]bool{}
	for _, m := range r.Metrics() {
		known[m.Name] = true
	}
	factory := promauto.With(r)
	factory.NewCounterVec(prometheus.CounterOpts{Name: "b_total", Help: `Of "b".`}, []string{"x", "y"})
	factory.NewHistogram(prometheus.HistogramOpts{Name: "c_seconds", Help: "Of c."})
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "a_now", Help: "Of a.", ConstLabels: prometheus.Labels{"role": "serve"},
	}, func() float64 { return 1 })
	var added []telemetry.Metric
	for _, m := range r.Metrics() {
		if !known[m.Name] {
			added = append(added, m)
		}
	}
	want := []telemetry.Metric{
		{Name: "a_now", Help: "Of a.", Type: "gauge", Labels: []string{"role"}},
		{Name: "b_total", Help: `Of "b".`, Type: "counter", Labels: []string{"x", "y"}},
		{Name: "c_seconds", Help: "Of c.", Type: "histogram"},
	}
	if diff := cmp.Diff(want, added); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(known) < 20 || !known["go_goroutines"] {
		t.Errorf("only the metrics %v are registered from the start", known)
	}
}
