package telemetry

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Registry has the metrics of one process. Packages get it as the Registerer of their Options and register their own
// metrics when they are built; nothing uses the global registry. Beside what is scraped, it describes what is
// registered, even if it has no value yet. It is safe for concurrent use.
type Registry struct {
	*prometheus.Registry
	mu         sync.Mutex
	registered []prometheus.Collector
}

// NewRegistry returns a registry with the metrics of the Go runtime and of the process.
func NewRegistry() *Registry {
	r := &Registry{Registry: prometheus.NewRegistry()}
	r.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Register adds a collector, whose metrics must have names and labels of their own.
func (r *Registry) Register(c prometheus.Collector) error {
	if err := r.Registry.Register(c); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.registered = append(r.registered, c)
	return nil
}

// MustRegister panics where Register would return an error.
func (r *Registry) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

// Metric describes a metric, which is a time series per combination of its labels' values.
type Metric struct {
	Name, Help string
	Type       string // counter, gauge, histogram or summary; "" if it is known only once there is a value
	Labels     []string
}

// Metrics returns what is registered, sorted by name.
func (r *Registry) Metrics() []Metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Metric
	for _, c := range r.registered {
		types := typesOf(c)
		descs := make(chan *prometheus.Desc)
		go func() {
			defer close(descs)
			c.Describe(descs)
		}()
		for desc := range descs {
			m := parseDesc(desc.String())
			if m.Type = types[""]; m.Type == "" {
				m.Type = types[m.Name]
			}
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b Metric) bool { return a.Name == b.Name })
}

// typesOf returns the types of a collector's metrics by their names, or one for all of them under "".
func typesOf(c prometheus.Collector) map[string]string {
	switch c.(type) {
	case *prometheus.CounterVec:
		return map[string]string{"": "counter"}
	case *prometheus.GaugeVec:
		return map[string]string{"": "gauge"}
	case *prometheus.HistogramVec:
		return map[string]string{"": "histogram"}
	}
	types, alone := map[string]string{}, prometheus.NewRegistry()
	alone.MustRegister(c)
	families, _ := alone.Gather() // what could be collected, even if not all could
	for _, family := range families {
		types[family.GetName()] = strings.ToLower(family.GetType().String())
	}
	return types
}

var (
	descPattern = regexp.MustCompile(`^Desc\{fqName: ("(?:[^"\\]|\\.)*"), help: ("(?:[^"\\]|\\.)*"), ` +
		`unit: "[^"]*", constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)
	constPattern = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="`)
)

// parseDesc reads the only form in which a description shows what it holds.
func parseDesc(text string) (m Metric) {
	parts := descPattern.FindStringSubmatch(text)
	if parts == nil {
		return Metric{Name: text}
	}
	m.Name, _ = strconv.Unquote(parts[1])
	m.Help, _ = strconv.Unquote(parts[2])
	for _, label := range constPattern.FindAllStringSubmatch(parts[3], -1) {
		m.Labels = append(m.Labels, label[1])
	}
	if parts[4] != "" {
		m.Labels = append(m.Labels, strings.Split(parts[4], ",")...)
	}
	return m
}
