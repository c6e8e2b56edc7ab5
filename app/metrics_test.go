package app

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"risingstars/config"
	"risingstars/platform/telemetry"
)

const metricsPage = "../infra/observability/METRICS.md"

// labelValues says of every label what its values are. None depends on what people send.
var labelValues = map[string]string{
	"act":        "what the sweeper did",
	"bound":      "`address` or `process`",
	"budget":     "names of the budgets in the code",
	"code":       "failure codes of videos",
	"commit":     "one per process",
	"db_name":    "always `showcase`",
	"go_version": "one per process",
	"kind":       "kinds of tasks with a handler, or `unknown`",
	"method":     "HTTP methods, or `other`",
	"operation":  "operations of storage",
	"outcome":    "how it ended",
	"result":     "`ok`, or kinds of errors of storage",
	"role":       "`serve` or `work`",
	"route":      "templates of routes, such as `/api/videos/:id`, or `none`",
	"state":      "states of tasks",
	"status":     "HTTP statuses",
	"step":       "steps of a job",
	"version":    "one per process",
	"volume":     "`data`, `files`, `work`",
	"way":        "`form`, `mock`, `direct`",
}

// registeredMetrics returns the metrics of a process that serves and works, but for those of Go's libraries.
func registeredMetrics(t *testing.T) (ours []telemetry.Metric) {
	t.Helper()
	t.Setenv("ENV_FILE", "")
	t.Setenv("DATA_DIR", t.TempDir())
	t.Setenv("DOMAIN", "contest.example.org") // for the metrics of certificates, which are asked for only once it runs
	flags := pflag.NewFlagSet("", pflag.PanicOnError)
	config.Flags(flags)
	c, _, err := config.Load(config.DotenvFile(), flags)
	if err != nil {
		t.Fatal(err)
	}
	if err := noteBackup(c, time.Now()); err != nil {
		t.Fatal(err)
	}
	a, err := newApp(t.Context(), c, slog.New(slog.DiscardHandler), appOptions{worker: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	}()
	a.join(t.Context(), "serve", 1)
	a.newWorkers()
	if err := a.openCertificates(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.newAPI()
	a.workServices()
	for _, m := range a.registry.Metrics() {
		if !strings.HasPrefix(m.Name, "go_gc_") && !strings.HasPrefix(m.Name, "go_mem") &&
			!strings.HasPrefix(m.Name, "process_") && !slices.Contains([]string{
			"go_goroutines", "go_info", "go_sched_gomaxprocs_threads", "go_threads",
		}, m.Name) {
			ours = append(ours, m)
		}
	}
	return ours
}

// Names follow the conventions of Prometheus, and labels are from a short list, whose values are bounded.
func TestMetricsAreNamedByConventionAndListed(t *testing.T) {
	skipWithoutWorker(t)
	metrics := registeredMetrics(t)
	used := map[string]bool{}
	for _, m := range metrics {
		total := strings.HasSuffix(m.Name, "_total")
		foreign := strings.HasPrefix(m.Name, "go_sql_") // client_golang's, of the database's pool
		switch {
		case m.Type == "":
			t.Errorf("the type of %s is unknown", m.Name)
		case !regexp.MustCompile(`^[a-z]+(_[a-z0-9]+)+$`).MatchString(m.Name), strings.Contains(m.Name, "_ms"):
			t.Errorf("%s is not a name by convention", m.Name)
		case (m.Type == "counter") != total && !foreign:
			t.Errorf("%s is a %s: counters end in _total, and nothing else does", m.Name, m.Type)
		case !strings.HasSuffix(m.Help, ".") && !foreign:
			t.Errorf("the help of %s is no sentence: %q", m.Name, m.Help)
		}
		for _, label := range m.Labels {
			used[label] = true
			if labelValues[label] == "" {
				t.Errorf("%s has the label %s: say in labelValues what bounds its values", m.Name, label)
			}
		}
	}
	for label := range labelValues {
		if !used[label] {
			t.Errorf("no metric has the label %s", label)
		}
	}

	page := metricsText(metrics)
	if *update {
		if err := os.WriteFile(metricsPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	present, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(present), page); diff != "" {
		t.Errorf("METRICS.md is not what the registry says; `make metrics` writes it anew (-page +registry):\n%s", diff)
	}
}

// skipWithoutWorker leaves what needs ffmpeg, and a second, to the full run.
func skipWithoutWorker(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a whole app")
	}
}

// metricsHead is the page's beginning, with ' for a backquote.
const metricsHead = `# Metrics

What '/metrics' of 'serve' and 'work' tells, made from the registry: 'make metrics' writes this page, and a test
compares it. In the embedded stage one process has all of them; otherwise 'serve' has those of requests, and 'work'
those of jobs. 'go_*' and 'process_*' of [client_golang](https://pkg.go.dev/github.com/prometheus/client_golang) come
on top. Counters and histograms are of one process and begin at 0 when it starts. 'queue_depth',
'queue_oldest_ready_seconds', 'workers_alive' and 'media_videos_missing_files' are of the whole deployment, so every
process tells the same: query their 'max', not their sum.

| Name | Type | Labels | What it is |
|---|---|---|---|
`

// labelsHead is the beginning of the page's second part.
const labelsHead = `
## Labels

No value comes from a client: no ids, names or addresses.

| Label | Values |
|---|---|
`

func metricsText(metrics []telemetry.Metric) string {
	var sb strings.Builder
	sb.WriteString(strings.ReplaceAll(metricsHead, "'", "`"))
	for _, m := range metrics {
		labels := "–"
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&sb, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, labels, m.Help)
	}
	sb.WriteString(labelsHead)
	for _, label := range slices.Sorted(maps.Keys(labelValues)) {
		fmt.Fprintf(&sb, "| `%s` | %s |\n", label, labelValues[label])
	}
	return sb.String()
}
