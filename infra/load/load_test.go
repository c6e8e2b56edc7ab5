package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSamplesOfK6BecomeStepsAndSeconds(t *testing.T) {
	t.Parallel()
	rec := newRecord(time.UnixMilli(1_000_000))
	// The columns are in another order than k6 writes them today.
	found, err := readSamples(strings.NewReader(`metric_name,timestamp,metric_value,error_code,name,status,extra_tags
vus,1000000,5.0,,,,
http_req_duration,1000100,10.0,,sign up,201,step=to 5
http_req_duration,1000100,99.0,,preparation,201,step=preparation
http_req_duration,1001200,20.0,,upload,202,step=5
http_req_duration,1001300,40.0,,upload,500,step=5
http_req_duration,1002300,30.0,1211,upload,0,step=5
votes_cast,1002300,1,,,,
votes_cast,1002301,2,,,,
votes_after,1002302,7,,,,
votes_after,1002303,9,,,,
iterations,1002303,1,,,,
`), rec)
	if err != nil {
		t.Fatal(err)
	}
	if found["votes_cast"] != 3 || found["votes_after"] != 9 {
		t.Errorf("counters and gauges: %v", found)
	}
	var r result
	rec.into(&r)
	five := r.step("5")
	if len(r.Steps) != 2 || five.Requests != 3 || five.Errors != 2 || r.errors() != 2 {
		t.Errorf("steps: %+v", r.Steps)
	}
	if r.Failures["upload: status 500"] != 1 || r.Failures["upload: no answer, code 1211 of k6"] != 1 {
		t.Errorf("failures: %v", r.Failures)
	}
	if five.P50 != 30 || five.Max != 40 {
		t.Errorf("steps: %+v", r.Steps)
	}
	// While the load rises, requests count for the errors only.
	if len(r.Requests) != 1 || r.Requests[0].Name != "upload" {
		t.Errorf("requests: %+v", r.Requests)
	}
	if len(r.Series) != 3 || r.Series[2].Users != 5 || r.Series[1].Requests != 2 || r.Series[2].Errors != 1 {
		t.Errorf("seconds: %+v", r.Series)
	}
	for _, broken := range []string{"vus,now,5\n", "vus,1000,many\n", "\"vus"} {
		text := "metric_name,timestamp,metric_value\n" + broken
		if _, err := readSamples(strings.NewReader(text), newRecord(time.Now())); err == nil {
			t.Errorf("%q is accepted", broken)
		}
	}
}

func TestPercentileIsTheSmallestNumberThatSoManyDoNotExceed(t *testing.T) {
	t.Parallel()
	numbers := make([]float64, 100)
	for i := range numbers {
		numbers[i] = float64(i + 1)
	}
	for p, want := range map[float64]float64{50: 50, 95: 95, 99: 99, 100: 100, 0: 1} {
		if got := percentile(numbers, p); got != want {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("of nothing it is %v", got)
	}
}

func TestDriftComparesVotesShownWithVotesAcknowledged(t *testing.T) {
	t.Parallel()
	exact := counts{
		"votes_before": 100, "votes_after": 107, "votes_cast": 10, "votes_taken_back": 3,
		"votes_before_hot": 50, "votes_after_hot": 53, "votes_cast_hot": 5, "votes_taken_back_hot": 2,
	}
	for name, row := range map[string]struct {
		change func(counts)
		want   float64
	}{
		"none":                      {func(counts) {}, 0},
		"one lost":                  {func(c counts) { c["votes_after"]-- }, 1},
		"one doubled on the hot":    {func(c counts) { c["votes_after"]++; c["votes_after_hot"]++ }, 2},
		"nobody voted":              {func(c counts) { c["votes_cast"] = 0 }, 1},
		"one moved off the hot one": {func(c counts) { c["votes_after_hot"]-- }, 1},
	} {
		c := maps.Clone(exact)
		row.change(c)
		if got, told := c.drift(); got != row.want {
			t.Errorf("%s: %v (%s), want %v", name, got, told, row.want)
		}
	}
}

func TestKneeAndLimitAreTheStepsAroundWhatTheSiteCarries(t *testing.T) {
	t.Parallel()
	r := &result{Steps: []step{
		{Name: "to 5", P50: 900, P95: 5000, Requests: 9, Errors: 9},
		{Name: "5", P50: 3, P95: 9, Requests: 100},
		{Name: "100", P50: 6, P95: 80, Requests: 5000, Errors: 1},
		{Name: "200", P50: 40, P95: 90, Requests: 9000},
		{Name: "300", P50: 5, P95: 90, Requests: 9000, Errors: 10},
		{Name: "end", P95: 5000},
	}}
	bars := r.kneeAndLimit()
	if bars[0].Measured != "100" || bars[1].Measured != "300" {
		t.Errorf("%+v", bars)
	}
	r.Steps[4].Errors = 9
	if limit := r.kneeAndLimit()[1].Measured; limit != "above all steps" {
		t.Errorf("without a step that fails the limit is %s", limit)
	}
	if knee := (&result{}).kneeAndLimit()[0].Measured; knee != "none" {
		t.Errorf("of no steps the knee is %s", knee)
	}
}

func TestGrowthIsTheSlopeOfTheQueue(t *testing.T) {
	t.Parallel()
	var rising, level []depth
	for i := range 10 {
		rising = append(rising, depth{At: float64(6 * i), Ready: i, Running: 1})
		level = append(level, depth{At: float64(6 * i), Ready: 2})
	}
	if got := growth(rising); math.Abs(got-10) > 1e-9 {
		t.Errorf("one more every six seconds are %v a minute, want 10", got)
	}
	if got := growth(level); math.Abs(got) > 1e-9 {
		t.Errorf("a queue that stays grows by %v", got)
	}
	if got := growth(nil); got != 0 {
		t.Errorf("no samples: %v", got)
	}
}

func TestGaugesAreReadFromTheMetrics(t *testing.T) {
	t.Parallel()
	g, err := readGauges(strings.NewReader(`# HELP queue_depth Tasks by state, over all processes.
queue_depth{state="dead"} 1
queue_depth{state="in_flight"} 2
queue_depth{state="ready"} 30
queue_task_duration_seconds_sum{kind="media.process"} 12.5
queue_task_duration_seconds_count{kind="media.process"} 4
queue_task_duration_seconds_count{kind="media.rebrand"} 9
queue_tasks_total{kind="media.process",outcome="done"} 3
queue_tasks_total{kind="media.process",outcome="retried"} 1
`))
	if want := (gauges{ready: 30, running: 2, dead: 1, done: 3, handled: 4, seconds: 12.5}); err != nil || g != want {
		t.Errorf("%+v, %v; want %+v", g, err, want)
	}
}

// Names may come from anywhere, and a result may be empty.
func TestPagesAndChartsAreWellFormed(t *testing.T) {
	t.Parallel()
	full := &result{
		Scenario: "web", Title: `<b>"A & B"</b>`, Site: "http://localhost/?a=1&b=<2>", Note: "<script>", MemoryMiB: 96,
		Bars:      []bar{{"<p95>", "≤ 100 ms", "1 ms", true}, {"errors", "0", "3", false}},
		Steps:     []step{{Name: "5"}, {Name: "100", P50: 1, P95: 20_000, P99: 0.5}},
		Series:    []second{{At: 0, P50: 1}, {At: 1, P50: math.MaxFloat32}},
		Processes: []usage{{Role: "serve", PeakMiB: 97, Memory: []memory{{0, 50}, {1, 97}}}},
		Jobs: []jobs{
			{MB: 50, Workers: 2, PerMinute: 4, Queue: []depth{{At: 1, Ready: 3}}}, {MB: 50, Workers: 1, Rate: 3},
		},
	}
	for name, r := range map[string]*result{"full": full, "empty": {}} {
		for _, wrong := range []string{"<script", "<b>", "NaN"} {
			if got := page(r); strings.Contains(got, wrong) {
				t.Errorf("%s: the page has %s: %s", name, wrong, got)
			}
		}
		if text := r.markdown("web"); !strings.Contains(text, "| bar | wanted | measured |") {
			t.Errorf("%s: in Markdown it is %s", name, text)
		}
		for _, c := range r.charts() {
			drawing := c.svg()
			if strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
				t.Errorf("%s, %s: a coordinate is no number", name, c.name)
			}
			decoder := xml.NewDecoder(strings.NewReader(drawing))
			for {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Errorf("%s, %s: %v", name, c.name, err)
					break
				}
			}
		}
	}
	if charts := full.charts(); len(charts) != 6 {
		t.Errorf("%d charts, want 6", len(charts))
	}
	if !strings.Contains(page(full), "MISSED") {
		t.Error("the page does not say that a bar was missed")
	}
}

func TestOnlyTheBlockOfAResultIsReplaced(t *testing.T) {
	t.Parallel()
	const text = "a\n<!-- web -->\nold\n<!-- end -->\nb\n<!-- night -->\n<!-- end -->\n"
	got, err := replaceBlock(text, "web", "new\n")
	if want := strings.Replace(text, "old", "new", 1); err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := replaceBlock(text, "uploads", ""); err == nil {
		t.Error("a document without the block is accepted")
	}
}

func TestWrongUsageEndsWithTwo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{}, {"everything"}, {"web", "-users", "5"}, {"night", "more"}, {"web", "-watch", "1"},
	} {
		if code := run(t.Context(), args); code != 2 {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
	if code := run(t.Context(), []string{"report"}); code != 1 {
		t.Errorf("report without files: exit code %d", code)
	}
}

func TestASiteOfItsOwnGetsNoneOfTheCallersSettings(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgresql://somebody@production/contest")
	t.Setenv("GOMEMLIMIT", "90MiB")
	all := strings.Join(inherited(), "\n")
	if strings.Contains(all, "production") {
		t.Error("it gets the caller's DATABASE_URL")
	}
	for _, wanted := range []string{"GOMEMLIMIT=90MiB", "PATH="} {
		if !strings.Contains(all, wanted) {
			t.Errorf("it lacks %s", wanted)
		}
	}
}

func TestCapacityIsWhatItsResultsSay(t *testing.T) {
	t.Parallel()
	results, err := filepath.Glob("results/*.json")
	if err != nil || len(results) == 0 {
		t.Fatalf("no results: %v", err)
	}
	want, err := os.ReadFile("CAPACITY.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "CAPACITY.md"), want, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), append([]string{"capacity", "-out", dir}, results...)); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for _, name := range drawn(t, dir) {
		made, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if kept, _ := os.ReadFile(name); !bytes.Equal(made, kept) {
			t.Errorf("%s is not what the results say: go run ./infra/load capacity infra/load/results/*.json", name)
		}
	}
}

// drawn returns the document and the names of its charts.
func drawn(t *testing.T, dir string) []string {
	t.Helper()
	charts, err := filepath.Glob(filepath.Join(dir, "charts", "*.svg"))
	if err != nil || len(charts) == 0 {
		t.Fatalf("no charts: %v", err)
	}
	names := []string{"CAPACITY.md"}
	for _, chart := range charts {
		names = append(names, filepath.Join("charts", filepath.Base(chart)))
	}
	return names
}
