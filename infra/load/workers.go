package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
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

// workers measures how many videos per minute so many workers process, by the size of the clips: all clips at once, and
// then at 80 % of the rate that this gave.
func workers(ctx context.Context, o options) error {
	if o.smoke {
		o.workers, o.sizes, o.count = "1", "1", 1
	}
	numbers, err := list(o.workers)
	if err != nil {
		return err
	}
	sizes, err := list(o.sizes)
	if err != nil {
		return err
	}
	room, err := os.MkdirTemp("", "clips-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(room)
	r := &result{
		Scenario: "workers", Title: "Worker throughput", Site: o.stage, Started: time.Now(), Machine: thisMachine(),
	}
	busy, all := busyTime()
	for _, n := range numbers {
		if err := r.withWorkers(ctx, o, n, sizes, room); err != nil {
			return err
		}
	}
	r.Seconds = time.Since(r.Started).Seconds()
	if nowBusy, nowAll := busyTime(); nowAll > all {
		r.Machine.Busy = (nowBusy - busy) / (nowAll - all)
	}
	failed, best := 0, 0.0
	for _, j := range r.Jobs {
		failed += j.Failed
		best = max(best, j.PerMinute)
	}
	r.Bars = []bar{
		{"videos that failed", "0", fmt.Sprint(failed), failed == 0},
		{"videos per minute and processor, at best", "–", number(best / float64(r.Machine.CPUs)), true},
	}
	return r.save(o)
}

// withWorkers runs clips of all sizes through a site with so many workers.
func (r *result) withWorkers(ctx context.Context, o options, n int, sizes []int, room string) (err error) {
	s, err := openSite(ctx, o, fmt.Sprintf("WORKER_CONCURRENCY=%d", n))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r.Version = s.version(ctx)
	for i, mb := range sizes {
		clip, err := o.clipOf(ctx, room, mb)
		if err != nil {
			return err
		}
		fmt.Printf("%d workers, %d clips of %d MB at once\n", n, o.count, mb)
		burst, err := s.jobs(ctx, o, clip, 0)
		if err != nil {
			return err
		}
		burst.MB, burst.Workers = mb, n
		r.Jobs = append(r.Jobs, burst)
		if i > 0 || o.smoke {
			continue // the rate depends little on the size
		}
		fmt.Printf("%d workers, the same at %s a minute\n", n, number(0.8*burst.PerMinute))
		sustained, err := s.jobs(ctx, o, clip, 0.8*burst.PerMinute)
		if err != nil {
			return err
		}
		sustained.MB, sustained.Workers = mb, n
		r.Jobs = append(r.Jobs, sustained)
	}
	return nil
}

// inject puts clips into the queue of a site that runs already: the caller's environment has its settings.
func inject(ctx context.Context, o options) error {
	room, err := os.MkdirTemp("", "clips-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(room)
	clip, err := o.clipOf(ctx, room, o.size)
	if err != nil {
		return err
	}
	s := &site{app: o.app, name: "the site of the environment", metrics: o.metrics, env: os.Environ()}
	r := &result{
		Scenario: "inject", Title: "Clips straight into the queue", Site: s.name, Started: time.Now(), Machine: thisMachine(),
	}
	j, err := s.jobs(ctx, o, clip, o.rate)
	if err != nil {
		return err
	}
	j.MB = o.size
	r.Jobs, r.Seconds = []jobs{j}, j.Seconds
	r.Bars = []bar{{"videos that failed", "0", fmt.Sprint(j.Failed), j.Failed == 0}}
	return r.save(o)
}

// list reads "1,2,4".
func list(text string) (numbers []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a list of numbers", text)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// clipOf returns a clip of so many MB: a moving scene with grain and sound that repeats until the file is as large.
func (o options) clipOf(ctx context.Context, room string, mb int) (string, error) {
	if o.clip != "" {
		return filepath.Abs(o.clip)
	}
	scene, clip := filepath.Join(room, "scene.mp4"), filepath.Join(room, fmt.Sprintf("%d.mp4", mb))
	if _, err := os.Stat(scene); err != nil {
		length, rate := "10", "14M"
		if o.smoke {
			length, rate = "2", "4M"
		}
		out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi",
			"-i", "mandelbrot=size=1920x1080:rate=30:end_scale=0.02,noise=alls=12:allf=t", "-f", "lavfi",
			"-i", "sine=frequency=330:beep_factor=4", "-t", length, "-c:v", "libx264", "-preset", "veryfast",
			"-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-pix_fmt", "yuv420p", "-g", "60", "-c:a", "aac", scene,
		).CombinedOutput() //nolint:gosec // the arguments are above
		if err != nil {
			return "", fmt.Errorf("make a clip: %w: %s", err, out)
		}
	}
	if _, err := os.Stat(clip); err == nil {
		return clip, nil
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", scene, "-c", "copy",
		"-fs", strconv.Itoa(mb<<20), clip).CombinedOutput() //nolint:gosec // as above
	if err != nil {
		return "", fmt.Errorf("make a clip of %d MB: %w: %s", mb, err, out)
	}
	return clip, nil
}

// jobs injects copies of the clip, at a rate per minute or all at once, and watches the queue until all are done.
func (s *site) jobs(ctx context.Context, o options, clip string, rate float64) (jobs, error) {
	before, err := s.gauges(ctx)
	if err != nil {
		return jobs{}, fmt.Errorf("%s: %w", s.metrics, err)
	}
	cpu := s.cpu()
	args := []string{"inject", clip, fmt.Sprintf("--count=%d", o.count), fmt.Sprintf("--rate=%f", rate)}
	command := s.command(ctx, args...)
	command.Stdout, command.Stderr = nil, os.Stderr
	start := time.Now()
	if err := command.Start(); err != nil {
		return jobs{}, err
	}
	injected := make(chan error, 1)
	go func() { injected <- command.Wait() }()
	j := jobs{Rate: rate}
	var arriving []depth // samples while clips arrive
	last, done := before, false
	for j.Done+j.Failed < o.count {
		select {
		case err := <-injected:
			if err != nil {
				return j, fmt.Errorf("app inject: %w", err)
			}
			done, injected = true, nil
		case <-ctx.Done():
			return j, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		now, err := s.gauges(ctx)
		if err != nil {
			continue // a busy process answers the next time
		}
		j.note(now, last, before, time.Since(start).Seconds())
		if !done {
			arriving = append(arriving, j.Queue[len(j.Queue)-1])
		}
		last = now
		show(j, o.count)
	}
	j.Seconds = time.Since(start).Seconds()
	j.PerMinute = float64(j.Done) / j.Seconds * 60
	if handled := last.handled - before.handled; handled > 0 {
		j.Service = (last.seconds - before.seconds) / handled
		j.CPU = (s.cpu() - cpu) / handled
	}
	if rate > 0 {
		j.Growth = growth(arriving)
	}
	return j, ctx.Err()
}

// note adds a sample.
func (j *jobs) note(now, last, before gauges, at float64) {
	j.Done, j.Failed = int(now.done-before.done), int(now.dead-before.dead)
	j.Queue = append(j.Queue, depth{at, int(now.ready), int(now.running), int(now.dead), j.Done})
	j.Peak = max(j.Peak, int(now.ready))
	if n := now.handled - last.handled; n > 0 {
		j.Longest = max(j.Longest, (now.seconds-last.seconds)/n)
	}
}

// show is the live view: a line that changes on a terminal, and otherwise a line every ten seconds or so.
func show(j jobs, count int) {
	d := j.Queue[len(j.Queue)-1]
	text := fmt.Sprintf("%5.0f s  ready %d  running %d  done %d of %d  %s videos/min",
		d.At, d.Ready, d.Running, d.Done, count, number(float64(d.Done)/d.At*60))
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Printf("\r%s\x1b[K", text)
		if j.Done+j.Failed == count {
			fmt.Println()
		}
	} else if len(j.Queue)%20 == 0 || j.Done+j.Failed == count {
		fmt.Println(text)
	}
}

// growth is the slope of the queue's depth, in clips per minute, by least squares.
func growth(samples []depth) float64 {
	var n, x, y, xx, xy float64
	for _, d := range samples {
		waiting := float64(d.Ready + d.Running)
		n, x, y, xx, xy = n+1, x+d.At, y+waiting, xx+d.At*d.At, xy+d.At*waiting
	}
	if spread := n*xx - x*x; spread > 0 {
		return (n*xy - x*y) / spread * 60
	}
	return 0
}

func (s *site) cpu() (sum float64) {
	for _, p := range s.watch {
		sum += cpuSeconds(p.pid)
	}
	return sum
}

// gauges are the worker's figures about its tasks.
type gauges struct {
	ready, running, dead float64
	done                 float64 // jobs that succeeded
	handled, seconds     float64 // jobs that ended, and how long they took together
}

// gauges reads the worker's metrics.
func (s *site) gauges(ctx context.Context) (g gauges, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics, nil)
	if err != nil {
		return g, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return g, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return g, fmt.Errorf("status %d", response.StatusCode)
	}
	return readGauges(response.Body)
}

func readGauges(r io.Reader) (g gauges, err error) {
	const job = `{kind="media.process"`
	wanted := map[string]*float64{
		`queue_depth{state="ready"}`: &g.ready, `queue_depth{state="in_flight"}`: &g.running,
		`queue_depth{state="dead"}`:                     &g.dead,
		`queue_tasks_total` + job + `,outcome="done"}`:  &g.done,
		`queue_task_duration_seconds_count` + job + `}`: &g.handled,
		`queue_task_duration_seconds_sum` + job + `}`:   &g.seconds,
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if to, ok := wanted[name+"}"]; ok {
			if *to, err = strconv.ParseFloat(value, 64); err != nil {
				return g, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return g, lines.Err()
}

func jobsTable(all []jobs) table {
	t := table{head: []string{
		"clips of", "workers", "injected", "done", "failed", "s", "videos/min", "s of a job", "longest", "CPU s of a job",
		"queue at most", "growth/min",
	}}
	for _, j := range all {
		how, rise := "at once", "–"
		if j.Rate > 0 {
			how, rise = number(j.Rate)+"/min", number(j.Growth)
		}
		t.rows = append(t.rows, []string{
			fmt.Sprintf("%d MB", j.MB), fmt.Sprint(j.Workers), how, fmt.Sprint(j.Done), fmt.Sprint(j.Failed),
			number(j.Seconds), number(j.PerMinute), number(j.Service), number(j.Longest), number(j.CPU), fmt.Sprint(j.Peak), rise,
		})
	}
	return t
}

// jobsCharts draws the throughput, and the queue while clips came at a rate; if none did, while it was emptied.
func jobsCharts(all []jobs) []chart {
	if len(all) == 0 {
		return nil
	}
	rates := chart{name: "throughput", title: "Throughput of clips that were injected at once", unit: "videos per minute"}
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
			rates.lines = append(rates.lines, line{name: fmt.Sprintf("%d workers", j.Workers)})
		}
		rates.lines[i].points = append(rates.lines[i].points, point{y: j.PerMinute})
	}
	if len(rates.groups) == 0 {
		return []chart{queue}
	}
	return []chart{rates, queue}
}

func (j jobs) queueLine() line {
	l := line{name: fmt.Sprintf("%d MB, %d workers", j.MB, j.Workers)}
	if j.Rate > 0 {
		l.name = fmt.Sprintf("%s/min, %d workers", number(j.Rate), j.Workers)
	}
	for _, d := range j.Queue {
		l.points = append(l.points, point{d.At, float64(d.Ready + d.Running)})
	}
	return l
}
