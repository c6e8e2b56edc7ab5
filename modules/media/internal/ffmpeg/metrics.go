package ffmpeg

import (
	"os"
	"runtime"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics say what the runs of ffmpeg and ffprobe cost.
type metrics struct {
	cpu, memory *prometheus.HistogramVec
}

// newMetrics panics if the metrics are already registered. registerer may be nil.
func newMetrics(registerer prometheus.Registerer) *metrics {
	factory := promauto.With(registerer)
	m := &metrics{
		cpu: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "media_tool_cpu_seconds",
			Help:    "CPU time of each run of ffmpeg or ffprobe.",
			Buckets: []float64{.05, .25, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640},
		}, []string{"step"}),
		memory: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "media_tool_peak_memory_bytes",
			Help:    "Largest resident memory of each run of ffmpeg or ffprobe, but not less than the worker's own.",
			Buckets: prometheus.ExponentialBuckets(32<<20, 2, 7), // 32 MiB to 2 GiB
		}, []string{"step"}),
	}
	for _, step := range []string{"probe", "process", "decode", "sound", "bumper", "join", "poster"} {
		m.cpu.WithLabelValues(step)
		m.memory.WithLabelValues(step)
	}
	return m
}

// observe counts what a run has used. state is nil if it never started.
func (m *metrics) observe(step string, state *os.ProcessState) {
	if state == nil {
		return
	}
	m.cpu.WithLabelValues(step).Observe(cpuTime(state).Seconds())
	if bytes := peakMemory(state); bytes > 0 {
		m.memory.WithLabelValues(step).Observe(float64(bytes))
	}
}

// peakMemory returns the largest resident memory of a run, in bytes; 0 if it is unknown.
func peakMemory(state *os.ProcessState) int64 {
	if state == nil {
		return 0
	}
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss << 10
}
