package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/box"
	"risingstars/platform/branding"
)

// Options are the settings of a Processor that depend on the machine. Those that depend on the contest are in
// Job.Rules. CacheDir and Branding are required; every other zero value works.
type Options struct {
	FFmpeg, FFprobe string // "" = from PATH
	Threads         int    // of one run; 0 = as many as this process has CPUs, at most 4
	CacheDir        string // for rendered bumpers; several processes may share it
	Branding        fs.FS  // what is built in, as assets.Branding returns it
	Brand           branding.Brand
	Limits          Limits
	Registerer      prometheus.Registerer // receives what runs cost; nil: no metrics
}

// Processor creates renditions. It is safe for concurrent use; each Process call is one job.
type Processor struct {
	ffmpeg, ffprobe string
	version         string // all that ffmpeg says of its build
	threads         int
	cacheDir        string
	branding        fs.FS
	brand           branding.Brand
	intro, outro    scene
	limits          Limits
	box             *box.Box
	waits           bool // programs can wait for the parts of an original that they read
	cacheKey        string
	metrics         *metrics

	filling chan struct{} // holds one token while something is put into cacheDir
}

// New fails when a program is missing or the cache folder cannot be created. The error is of type branding.Problems if
// Options.Brand has a video that does not fit.
func New(o Options) (*Processor, error) {
	p := &Processor{
		threads: or(o.Threads, min(runtime.GOMAXPROCS(0), 4)), branding: o.Branding,
		brand: o.Brand, limits: o.Limits.withDefaults(), filling: make(chan struct{}, 1),
	}
	if o.Branding == nil || o.CacheDir == "" {
		return nil, errors.New("ffmpeg: Options.Branding and Options.CacheDir are required")
	}
	var err error
	if p.ffmpeg, err = program(o.FFmpeg, "ffmpeg"); err != nil {
		return nil, err
	}
	if p.ffprobe, err = program(o.FFprobe, "ffprobe"); err != nil {
		return nil, err
	}
	if p.cacheDir, err = filepath.Abs(o.CacheDir); err != nil {
		return nil, fmt.Errorf("ffmpeg: cache folder: %w", err)
	}
	if err := os.MkdirAll(p.cacheDir, 0o755); err != nil {
		return nil, fmt.Errorf("ffmpeg: create cache folder: %w", err)
	}
	if err := p.removeStale(time.Now()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	if p.version, err = p.ask(ctx, "-version"); err != nil {
		return nil, fmt.Errorf("ffmpeg: %w", err)
	}
	if p.cacheKey, err = p.brandingKey(); err != nil {
		return nil, err
	}
	if p.box, err = box.New(ctx, box.Options{}); err != nil {
		return nil, fmt.Errorf("ffmpeg: %w", err)
	}
	p.waits = p.box.CanWait()
	p.metrics = newMetrics(o.Registerer)
	if err := p.setScenes(context.Background()); err != nil {
		return nil, err
	}
	return p, nil
}

// Walls returns what stands around each run, and what is missing.
func (p *Processor) Walls() []box.Wall { return p.box.Walls() }

func program(path, name string) (string, error) {
	found, err := exec.LookPath(or(path, name))
	if err != nil {
		return "", fmt.Errorf("find %s: %w; %s", name, err, howToInstall(exec.LookPath, os.Geteuid()))
	}
	return filepath.Abs(found)
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
