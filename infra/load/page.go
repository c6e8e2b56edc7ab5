package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// page returns the result as a web page in one file.
func page(r *result) string {
	var b strings.Builder
	title := html.EscapeString(r.Title + ": " + r.Site)
	fmt.Fprintf(&b, `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1a0f33; background: #fff }
body { max-width: 60rem; margin: 1rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; line-height: 1.2 }
div { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #d9d0e6 }
th, td { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
.missed { color: #b3261e; font-weight: 600 }
svg { width: 100%%; height: auto; margin: 1rem 0 }
</style>
<h1>%s</h1>
`, title, title)
	about := []string{r.Started.UTC().Format("2 January 2006, 15:04 UTC"), fmt.Sprintf("%.0f s", r.Seconds)}
	if r.Version != "" {
		about = append(about, "version "+r.Version)
	}
	about = append(about, r.Machine.String())
	if r.Smoke {
		about = append(about, "a smoke test: its figures mean nothing")
	}
	if r.Note != "" {
		about = append(about, r.Note)
	}
	fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(strings.Join(about, " · ")))
	tables := r.tables()
	writeTable(&b, tables[len(tables)-1]) // the verdicts first
	for _, c := range r.charts() {
		b.WriteString(c.svg())
	}
	for _, t := range tables[:len(tables)-1] {
		writeTable(&b, t)
	}
	b.WriteString("</html>\n")
	return b.String()
}

func writeTable(b *strings.Builder, t table) {
	b.WriteString("<div><table>\n<tr>")
	for _, cell := range t.head {
		fmt.Fprintf(b, `<th scope="col">%s`, html.EscapeString(cell))
	}
	b.WriteString("\n")
	for _, row := range t.rows {
		b.WriteString("<tr>")
		for _, cell := range row {
			class := ""
			if cell == "MISSED" {
				class = ` class="missed"`
			}
			fmt.Fprintf(b, "<td%s>%s", class, html.EscapeString(cell))
		}
		b.WriteString("\n")
	}
	b.WriteString("</table></div>\n")
}

// charts returns the drawings of a result.
func (r *result) charts() []chart {
	var charts []chart
	if len(r.Series) > 0 {
		charts = append(charts, r.timesChart(), r.ratesChart())
	}
	if len(r.Steps) > 1 {
		c := chart{name: "steps", title: "Response times by step", unit: "ms", lines: make([]line, 3)}
		for i, name := range []string{"p50", "p95", "p99"} {
			c.lines[i].name = name
		}
		for _, s := range r.Steps {
			if strings.HasPrefix(s.Name, rising) || s.Name == "end" {
				continue
			}
			c.groups = append(c.groups, s.Name)
			for i, v := range []float64{s.P50, s.P95, s.P99} {
				c.lines[i].points = append(c.lines[i].points, point{y: v})
			}
		}
		if len(c.groups) > 0 {
			charts = append(charts, c)
		}
	}
	charts = append(charts, jobsCharts(r.Jobs)...)
	if len(r.Processes) > 0 {
		c := chart{name: "memory", title: "Resident memory", unit: "MiB", x: "seconds", limit: r.MemoryMiB}
		for _, p := range r.Processes {
			l := line{name: p.Role}
			for _, m := range p.Memory {
				l.points = append(l.points, point{m.At, m.MiB})
			}
			c.lines = append(c.lines, l)
		}
		charts = append(charts, c)
	}
	return charts
}

func (r *result) timesChart() chart {
	c := chart{name: "times", title: "Response times of each second", unit: "ms", x: "seconds"}
	for _, l := range []struct {
		name  string
		value func(second) float64
	}{
		{"p50", func(s second) float64 { return s.P50 }},
		{"p95", func(s second) float64 { return s.P95 }},
		{"p99", func(s second) float64 { return s.P99 }},
	} {
		drawn := r.over(l.name, l.value)
		drawn.points = slices.DeleteFunc(drawn.points, func(p point) bool { return p.y == 0 }) // nothing was asked
		c.lines = append(c.lines, drawn)
	}
	return c
}

func (r *result) ratesChart() chart {
	c := chart{name: "rates", title: "Requests and errors of each second", unit: "number", x: "seconds"}
	c.lines = append(c.lines, r.over("requests", func(s second) float64 { return float64(s.Requests) }),
		r.over("errors", func(s second) float64 { return float64(s.Errors) }))
	if r.Scenario == "web" {
		c.lines = append(c.lines, r.over("users", func(s second) float64 { return float64(s.Users) }))
	}
	return c
}

// over returns a value of each second as a line.
func (r *result) over(name string, value func(second) float64) line {
	l := line{name: name}
	for _, s := range r.Series {
		l.points = append(l.points, point{s.At, value(s)})
	}
	return l
}
