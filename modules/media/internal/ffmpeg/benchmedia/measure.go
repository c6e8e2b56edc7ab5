package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// usage is what one job used.
type usage struct {
	CPU, Wall float64 // seconds
	PeakMiB   float64 // of its largest process
	files
}

// usageNow returns what this process and its ended children have used so far.
func usageNow() usage {
	var self, children syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self) // fails only for a wrong argument
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)
	secs := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return usage{
		CPU:     secs(self.Utime) + secs(self.Stime) + secs(children.Utime) + secs(children.Stime),
		PeakMiB: float64(children.Maxrss) / maxrssPerMiB(),
	}
}

// maxrssPerMiB returns the units of Rusage.Maxrss in a MiB: macOS counts bytes, Linux KiB.
func maxrssPerMiB() float64 {
	if runtime.GOOS == "darwin" {
		return 1 << 20
	}
	return 1 << 10
}

// job runs one pipeline in a process of its own. Its results stay in s.dir until the next job of that name.
func job(ctx context.Context, s settings, pipeline, in, name string) (usage, error) {
	dir := filepath.Join(s.dir, "out-"+name)
	if err := os.RemoveAll(dir); err != nil {
		return usage{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usage{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return usage{}, err
	}
	cmd := exec.CommandContext(ctx, self, "-one", pipeline, "-in", in, "-out", dir, "-dir", s.dir,
		"-seconds", strconv.Itoa(s.seconds), "-threads", strconv.Itoa(s.threads))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return usage{}, fmt.Errorf("%s of %s: %w", pipeline, in, err)
	}
	var u usage
	return u, json.Unmarshal(out, &u)
}

// rivals are the pipelines that make the same, the baseline last, and how much CPU time ours may take of it.
type rivals struct {
	names []string
	most  float64
}

func compare(ctx context.Context, s settings, clips []clip) error {
	one, both := rivals{[]string{"chain", "ours", "bare"}, 1}, rivals{[]string{"ours, both", "bare, both"}, 1.05}
	if strings.Contains(s.skip, "chain") {
		one.names = one.names[1:]
	}
	fmt.Println("| Clip | Pipeline | CPU s | Wall s | Peak MiB | Picture kB | Small kB | SSIM " +
		"| CPU against bare | Verdict |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, c := range clips {
		for _, r := range []rivals{one, both} {
			if err := r.compare(ctx, s, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// row is what is reported of one pipeline.
type row struct {
	usage
	kB, smallKB, ssim float64
}

// compare runs the pipelines in turn. The ratio is the median of the rounds' ratios, because the machine may become
// slower or faster from one round to the next.
func (r rivals) compare(ctx context.Context, s settings, c clip) error {
	base := r.names[len(r.names)-1]
	for _, name := range r.names[:len(r.names)-1] { // fills the cache of bumpers
		if _, err := job(ctx, s, name, c.file, name); err != nil {
			return err
		}
	}
	runs := map[string][]usage{}
	for range s.rounds {
		for _, name := range r.names {
			u, err := job(ctx, s, name, c.file, name)
			if err != nil {
				return err
			}
			runs[name] = append(runs[name], u)
		}
	}
	rows := map[string]row{}
	for _, name := range r.names {
		one := row{usage: middle(runs[name])}
		var err1, err2, err3 error
		one.kB, err1 = pictureKB(ctx, one.Video, intro(name), float64(s.seconds))
		one.ssim, err2 = ssim(ctx, s, c, one.Video, intro(name))
		if one.Small != "" {
			one.smallKB, err3 = pictureKB(ctx, one.Small, intro(name), float64(s.seconds))
		}
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		rows[name] = one
	}
	for _, name := range r.names {
		var ratios []float64
		for i, u := range runs[name] {
			ratios = append(ratios, u.CPU/runs[base][i].CPU)
		}
		slices.Sort(ratios)
		ratio, verdict := ratios[len(ratios)/2], ""
		if strings.HasPrefix(name, "ours") {
			verdict = rows[name].verdict(rows[base], ratio, r.most)
		}
		u := rows[name]
		fmt.Printf("| %s | %s | %.2f | %.1f | %.0f | %.0f | %.0f | %.4f | %.3f | %s |\n",
			c.name, name, u.CPU, u.Wall, u.PeakMiB, u.kB, u.smallKB, u.ssim, ratio, verdict)
	}
	return nil
}

// verdict says by what r misses its bar, or "ok".
func (r row) verdict(base row, ratio, most float64) string {
	var misses []string
	miss := func(missed bool, format string, args ...any) {
		if missed {
			misses = append(misses, fmt.Sprintf(format, args...))
		}
	}
	const bytes, like = 1.05, 0.001
	miss(ratio > most, "CPU %.3f > %.2f", ratio, most)
	miss(r.kB > base.kB*bytes, "bytes %+.1f %%", (r.kB/base.kB-1)*100)
	miss(r.smallKB > base.smallKB*bytes, "small bytes %+.1f %%", (r.smallKB/base.smallKB-1)*100)
	miss(r.ssim < base.ssim-like, "SSIM %+.4f", r.ssim-base.ssim)
	if len(misses) == 0 {
		return "ok"
	}
	return "**" + strings.Join(misses, ", ") + "**"
}

// middle returns the run with the median CPU time.
func middle(runs []usage) usage {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b usage) int { return int((a.CPU - b.CPU) * 1e6) })
	return sorted[len(sorted)/2]
}

// pictureKB adds up the video packets shown from a time on, so that bumpers and sound stay out of the comparison.
func pictureKB(ctx context.Context, file string, from, length float64) (float64, error) {
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-select_streams", "v",
		"-show_entries", "packet=pts_time,size", "-of", "csv=p=0", file).Output()
	if err != nil {
		return 0, fmt.Errorf("sizes of %s: %w", file, err)
	}
	sum := 0.0
	for line := range strings.FieldsSeq(string(out)) {
		f := strings.Split(line, ",")
		at, err1 := strconv.ParseFloat(f[0], 64)
		size, err2 := strconv.ParseFloat(f[1], 64)
		if err1 == nil && err2 == nil && at >= from-0.001 && at < from+length-0.001 {
			sum += size
		}
	}
	return sum / 1000, nil
}

var ssimAll = regexp.MustCompile(`All:([0-9.]+)`)

// ssim compares the content with the source, which ffmpeg scales as it does by default.
func ssim(ctx context.Context, s settings, c clip, file string, from float64) (float64, error) {
	length := strconv.Itoa(s.seconds)
	graph := "[0:v]" + c.filter + ",setpts=PTS-STARTPTS[a];[1:v]setpts=PTS-STARTPTS[b];[a][b]ssim=shortest=1"
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-hide_banner", "-t", length, "-i", c.file,
		"-ss", fmt.Sprint(from), "-t", length, "-i", file, "-lavfi", graph, "-f", "null", "-")
	var text bytes.Buffer
	cmd.Stderr = &text
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("ssim of %s: %w\n%s", file, err, &text)
	}
	m := ssimAll.FindSubmatch(text.Bytes())
	if m == nil {
		return 0, fmt.Errorf("no SSIM for %s", file)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// bySize repeats one clip until the upload has 50, 100 and 200 MB. The content stays the same.
func bySize(ctx context.Context, s settings, c clip) error {
	info, err := os.Stat(c.file)
	if err != nil {
		return err
	}
	fmt.Print("\n| Upload | CPU s | Wall s | CPU against 50 MB |\n|---|---|---|---|\n")
	first := 0.0
	for _, mb := range []int64{50, 100, 200} {
		long := filepath.Join(s.dir, fmt.Sprintf("%dMB.mp4", mb))
		size := mb * 1_000_000
		err := ffmpeg(ctx, "-stream_loop", fmt.Sprint(size/info.Size()), "-i", c.file,
			"-c", "copy", "-fs", fmt.Sprint(size), long)
		if err != nil {
			return err
		}
		var runs []usage
		for range s.rounds {
			u, err := job(ctx, s, "ours", long, "size")
			if err != nil {
				return err
			}
			runs = append(runs, u)
		}
		u := middle(runs)
		if first == 0 {
			first = u.CPU
		}
		fmt.Printf("| %d MB | %.2f | %.1f | %.3f |\n", mb, u.CPU, u.Wall, u.CPU/first)
	}
	return nil
}

// byWorkers runs four jobs with 1, 2 and 4 at a time.
func byWorkers(ctx context.Context, s settings, c clip) error {
	const jobs = 4
	fmt.Print("\n| Workers | Jobs per minute |\n|---|---|\n")
	for _, workers := range []int{1, 2, 4} {
		work := make(chan int, jobs)
		for i := range jobs {
			work <- i
		}
		close(work)
		errs := make(chan error, workers)
		var wg sync.WaitGroup
		start := time.Now()
		for range workers {
			wg.Go(func() {
				for i := range work {
					if _, err := job(ctx, s, "ours", c.file, fmt.Sprintf("worker-%d", i)); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		if err := <-errs; err != nil {
			return err
		}
		fmt.Printf("| %d | %.2f |\n", workers, jobs/time.Since(start).Minutes())
	}
	return nil
}
