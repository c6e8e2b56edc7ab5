package main

import (
	"fmt"
	"slices"
)

// jobs is what one run of clips through the workers gave.
type jobs struct {
	MB        int     `json:"mb"` // of each clip
	Workers   int     `json:"workers"`
	Rate      float64 `json:"rate"` // clips injected per minute; 0: all at once
	Done      int     `json:"done"`
	Failed    int     `json:"failed"`
	Seconds   float64 `json:"seconds"`
	PerMinute float64 `json:"videos_per_minute"`
	Service   float64 `json:"service_seconds"` // mean of a job
	Longest   float64 `json:"longest_seconds"` // of a job, as far as the samples can tell
	CPU       float64 `json:"cpu_seconds"`     // of a job, ffmpeg included
	Peak      int     `json:"queue_peak"`
	// Growth is by how many clips per minute the queue grew while clips were injected at a rate.
	Growth float64 `json:"queue_growth_per_minute"`
	Queue  []depth `json:"queue"`
}

// depth is the state of the queue at a moment.
type depth struct {
	At      float64 `json:"at"` // seconds since the first clip
	Ready   int     `json:"ready"`
	Running int     `json:"running"`
	Dead    int     `json:"dead"`
	Done    int     `json:"done"`
}

func jobsTable(all []jobs) table {
	t := table{head: []string{
		"clips of", "workers", "injected", "done", "failed", "s", "videos/min", "s of a job", "longest",
		"CPU s of a job", "queue at most", "growth/min",
	}}
	for _, j := range all {
		how, rise := "at once", "–"
		if j.Rate > 0 {
			how, rise = number(j.Rate)+"/min", number(j.Growth)
		}
		t.rows = append(t.rows, []string{
			fmt.Sprintf("%d MB", j.MB), fmt.Sprint(j.Workers), how, fmt.Sprint(j.Done), fmt.Sprint(j.Failed),
			number(j.Seconds), number(j.PerMinute), number(j.Service), number(j.Longest), number(j.CPU),
			fmt.Sprint(j.Peak), rise,
		})
	}
	return t
}

// jobsCharts draws the throughput, and the queue while clips came at a rate; if none did, while it was emptied.
func jobsCharts(all []jobs) []chart {
	if len(all) == 0 {
		return nil
	}
	rates := chart{
		name: "throughput", title: "Throughput of clips that were injected at once", unit: "videos per minute",
	}
	queue := chart{
		name: "queue", title: "Clips that wait or are processed", unit: "number", x: "seconds since the first clip",
	}
	steady := slices.ContainsFunc(all, func(j jobs) bool { return j.Rate > 0 })
	ofWorkers := map[int]int{} // indices of lines
	for _, j := range all {
		if steady == (j.Rate > 0) {
			queue.lines = append(queue.lines, j.queueLine())
		}
		if j.Rate > 0 {
			continue
		}
		if group := fmt.Sprintf("%d MB", j.MB); !slices.Contains(rates.groups, group) {
			rates.groups = append(rates.groups, group)
		}
		i, ok := ofWorkers[j.Workers]
		if !ok {
			i = len(rates.lines)
			ofWorkers[j.Workers] = i
			rates.lines = append(rates.lines, line{name: atWork(j.Workers)})
		}
		rates.lines[i].points = append(rates.lines[i].points, point{y: j.PerMinute})
	}
	if len(rates.groups) == 0 {
		return []chart{queue}
	}
	return []chart{rates, queue}
}

func atWork(n int) string {
	if n == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", n)
}

func (j jobs) queueLine() line {
	l := line{name: fmt.Sprintf("%d MB, %s", j.MB, atWork(j.Workers))}
	if j.Rate > 0 {
		l.name = fmt.Sprintf("%s/min, %s", number(j.Rate), atWork(j.Workers))
	}
	for _, d := range j.Queue {
		l.points = append(l.points, point{d.At, float64(d.Ready + d.Running)})
	}
	return l
}
