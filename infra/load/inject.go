package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

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
		Scenario: "inject", Title: "Clips straight into the queue", Site: s.name,
		Started: time.Now(), Machine: thisMachine(),
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

// clipOf returns a clip of so many MB: a detailed scene under a moving camera, with
// grain and sound, that repeats until the file is as large.
func (o options) clipOf(ctx context.Context, room string, mb int) (string, error) {
	if o.clip != "" {
		return filepath.Abs(o.clip)
	}
	scene, clip := filepath.Join(room, "scene.mp4"), filepath.Join(room, fmt.Sprintf("%d.mp4", mb))
	if _, err := os.Stat(scene); err != nil {
		length, rate := "10", "12M"
		if o.smoke {
			length, rate = "2", "4M"
		}
		const picture = "mandelbrot=s=2560x1440:start_scale=0.02:start_x=-0.743643:start_y=-0.131825:maxiter=400," +
			"trim=end_frame=1,loop=loop=-1:size=1,setpts=N/30/TB," +
			"crop=1920:1080:x='(iw-ow)/2*(1+0.9*sin(t*2))':y='(ih-oh)/2*(1+0.9*sin(t*1.4))',noise=c0s=5:c0f=t"
		out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture,
			"-f", "lavfi", "-i", "anoisesrc=c=pink:a=0.3", "-t", length, "-r", "30",
			"-c:v", "libx264", "-preset", "veryfast", "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
			"-pix_fmt", "yuv420p", "-g", "60", "-c:a", "aac", scene,
		).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("make a clip: %w: %s", err, out)
		}
	}
	if _, err := os.Stat(clip); err == nil {
		return clip, nil
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", scene, "-c", "copy",
		"-fs", strconv.Itoa(mb<<20), clip).CombinedOutput()
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
