package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// result is what a scenario found out. It is written as JSON, and everything that is shown is made from that.
type result struct {
	Scenario string    `json:"scenario"`
	Title    string    `json:"title"`
	Site     string    `json:"site"` // a stage, or the address of a site elsewhere
	Version  string    `json:"version,omitempty"`
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"`
	Smoke    bool      `json:"smoke"`
	Note     string    `json:"note,omitempty"`
	Machine  machine   `json:"machine"`
	Bars     []bar     `json:"bars"`

	Steps    []step   `json:"steps,omitempty"`
	Requests []step   `json:"requests,omitempty"` // by what they ask for, over all steps
	Series   []second `json:"series,omitempty"`
	// Failures counts failed requests by what they asked for and how they failed.
	Failures  map[string]int `json:"failures,omitempty"`
	Processes []usage        `json:"processes,omitempty"`
	MemoryMiB float64        `json:"memory_wanted_mib,omitempty"`
	Jobs      []jobs         `json:"jobs,omitempty"`
}

// machine is where the generator ran, and with it a site of its own.
type machine struct {
	CPUs       int     `json:"cpus"`
	Model      string  `json:"model"`
	MemoryGiB  float64 `json:"memory_gib"`
	LoadBefore float64 `json:"load_before"` // average of the minute before the start
	Busy       float64 `json:"busy"`        // share of the processors' time that was in use
}

// bar is a figure that was promised, or one that is only told.
type bar struct {
	Name     string `json:"name"`
	Wanted   string `json:"wanted"` // "": nothing in particular
	Measured string `json:"measured"`
	Held     bool   `json:"held"`
}

// step sums up the requests of one part of a test, or those for one thing.
type step struct {
	Name     string  `json:"name"`
	Seconds  float64 `json:"seconds"`
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	Rate     float64 `json:"per_second"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
}

// second is one second of a test.
type second struct {
	At       float64 `json:"at"` // seconds since the start
	Users    int     `json:"users"`
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`
	P99      float64 `json:"p99_ms"`
}

// save writes the result as JSON and as HTML, prints it, and returns errMissed if a bar was missed.
func (r *result) save(o options) error {
	r.Note, r.Smoke = o.note, o.smoke
	name := fmt.Sprintf("%s-%s", r.Scenario, r.Started.UTC().Format("20060102-150405"))
	content, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	base := filepath.Join(o.out, name)
	if err := os.WriteFile(base+".json", append(content, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(base+".html", []byte(page(r)), 0o600); err != nil {
		return err
	}
	r.print(os.Stdout)
	fmt.Printf("\n%s.json\n%s.html\n", base, base)
	for _, b := range r.Bars {
		if !b.Held {
			return errMissed
		}
	}
	return nil
}

func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s, %s\n", r.Title, r.Site, r.Machine)
	for _, table := range r.tables() {
		fmt.Fprintln(w)
		widths := make([]int, len(table.head))
		for _, row := range append([][]string{table.head}, table.rows...) {
			for i, cell := range row {
				widths[i] = max(widths[i], len([]rune(cell)))
			}
		}
		for _, row := range append([][]string{table.head}, table.rows...) {
			line := ""
			for i, cell := range row {
				fill := strings.Repeat(" ", widths[i]-len([]rune(cell)))
				if i == 0 {
					line += cell + fill
				} else {
					line += "  " + fill + cell
				}
			}
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
}

// table is printed on a terminal and shown on the page.
type table struct {
	head []string
	rows [][]string
}

func (r *result) tables() []table {
	var tables []table
	for _, part := range []struct {
		name  string
		steps []step
	}{{"step", r.Steps}, {"request", r.Requests}} {
		if len(part.steps) == 0 {
			continue
		}
		t := table{head: []string{
			part.name, "s", "requests", "per s", "errors", "p50 ms", "p95 ms", "p99 ms", "max ms",
		}}
		for _, s := range part.steps {
			t.rows = append(t.rows, []string{
				s.Name, number(s.Seconds), number(float64(s.Requests)), number(s.Rate), number(float64(s.Errors)),
				number(s.P50), number(s.P95), number(s.P99), number(s.Max),
			})
		}
		tables = append(tables, t)
	}
	if len(r.Failures) > 0 {
		t := table{head: []string{"failure", "times"}}
		for _, what := range slices.Sorted(maps.Keys(r.Failures)) {
			t.rows = append(t.rows, []string{what, fmt.Sprint(r.Failures[what])})
		}
		tables = append(tables, t)
	}
	if len(r.Jobs) > 0 {
		tables = append(tables, jobsTable(r.Jobs))
	}
	if len(r.Processes) > 0 {
		t := table{head: []string{"process", "MiB at most", "of it its own", "MiB at the end", "CPU s"}}
		for _, p := range r.Processes {
			t.rows = append(t.rows, []string{
				p.Role, number(p.PeakMiB), number(p.OwnMiB), number(p.last()), number(p.CPU),
			})
		}
		tables = append(tables, t)
	}
	t := table{head: []string{"bar", "wanted", "measured", ""}}
	for _, b := range r.Bars {
		verdict := "held"
		switch {
		case b.Wanted == "":
			verdict = ""
		case !b.Held:
			verdict = "MISSED"
		}
		t.rows = append(t.rows, []string{b.Name, b.Wanted, b.Measured, verdict})
	}
	return append(tables, t)
}

// number writes three significant figures, and whole numbers in full.
func number(x float64) string {
	switch a := math.Abs(x); {
	case x == math.Trunc(x) || a >= 100:
		return fmt.Sprintf("%.0f", x)
	case a >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

func (m machine) String() string {
	return fmt.Sprintf("%s, load %s before, %.0f %% busy", m.what(), number(m.LoadBefore), 100*m.Busy)
}

func (m machine) what() string {
	return fmt.Sprintf("%d × %s, %s GiB", m.CPUs, m.Model, number(m.MemoryGiB))
}

// thisMachine describes the machine, as far as the system tells.
func thisMachine() machine {
	m := machine{CPUs: runtime.NumCPU(), Model: runtime.GOARCH}
	if content, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(content), &m.LoadBefore)
	}
	if model := procField("/proc/cpuinfo", "model name"); model != "" {
		m.Model = strings.TrimSpace(model)
	}
	var kib float64
	if _, err := fmt.Sscan(procField("/proc/meminfo", "MemTotal"), &kib); err == nil {
		m.MemoryGiB = kib / (1 << 20)
	}
	return m
}

// procField returns what stands after the first "name:" in a file of /proc; "" if there is none.
func procField(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
