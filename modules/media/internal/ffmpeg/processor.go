package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Options configure a Processor. The zero value works but for CacheDir and Branding, which are required.
type Options struct {
	FFmpeg, FFprobe string // "" = from PATH
	Threads         int    // for one run; 0 = as many as there are CPUs for this process, at most 4
	CacheDir        string // rendered bumpers are kept here; may be shared by several processes
	Branding        fs.FS  // as assets.Branding returns it
	CAFile          string // certificates to trust instead of the system's, for inputs by https; "" = the system's
	Limits          Limits
}

// Rules are what a contest asks of a clip. The zero value publishes the first 30 s with sound and accepts every clip.
type Rules struct {
	MaxClip     time.Duration // of the content that is published; 0 = 30 s
	RemoveAudio bool
	MinDuration time.Duration // of the upload; 0 = no rule
	MaxDuration time.Duration // of the upload; 0 = no rule
	MinHeight   int           // of the upload's short side, in pixels; 0 = no rule
}

// Processor makes renditions. It is safe for concurrent use; each Process call is one job.
type Processor struct {
	ffmpeg, ffprobe string
	threads         int
	cacheDir        string
	branding        fs.FS
	caFile          string
	limits          Limits
	isolated        bool
	cacheKey        string

	cache chan struct{} // holds one token while something is put into cacheDir
}

const defaultMaxClip = 30 * time.Second

// New finds the programs, and fails when one is missing or the cache folder cannot be made.
func New(o Options) (*Processor, error) {
	p := &Processor{
		threads: or(o.Threads, min(runtime.GOMAXPROCS(0), 4)), branding: o.Branding, caFile: o.CAFile,
		limits: o.Limits.withDefaults(), cache: make(chan struct{}, 1),
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
		return nil, fmt.Errorf("ffmpeg: make cache folder: %w", err)
	}
	if err := p.removeStale(time.Now()); err != nil {
		return nil, err
	}
	if p.cacheKey, err = p.brandingKey(); err != nil {
		return nil, err
	}
	p.isolated = canIsolate(p.ffmpeg)
	return p, nil
}

// Isolated tells whether runs on local files have no network. False where the system forbids namespaces.
func (p *Processor) Isolated() bool { return p.isolated }

func program(path, name string) (string, error) {
	found, err := exec.LookPath(or(path, name))
	if err != nil {
		return "", fmt.Errorf("ffmpeg: find %s (install it with: apt-get install ffmpeg): %w", name, err)
	}
	return filepath.Abs(found)
}

// Job is one clip to process.
type Job struct {
	Input     string        // an absolute path, or one presigned http or https URL
	Container Container     // as Sniff named it
	Start     time.Duration // where the content begins
	Rules     Rules
	Dir       string        // an empty folder that the caller owns and removes
	Progress  func(Progress)
}

// Progress is reported by one call at a time, never after Process returned. Percent never falls.
type Progress struct {
	Stage   string // "probing" or "processing"
	Percent int
}

// Result names the files made, inside Job.Dir.
type Result struct {
	Video, Poster string
	Duration      time.Duration // of Video, bumpers included
	Width, Height int
}

// Process makes the rendition and the poster of one clip. See the package comment for its errors.
func (p *Processor) Process(ctx context.Context, j Job) (Result, error) {
	report := j.Progress
	if report == nil {
		report = func(Progress) {}
	}
	if u, err := url.Parse(j.Input); !filepath.IsAbs(j.Input) && (err != nil || u.Scheme != "http" && u.Scheme != "https") {
		return Result{}, &ToolError{Step: "probe", Err: errors.New("the input is neither an absolute path nor a URL")}
	}
	report(Progress{"probing", 0})
	m, err := p.probe(ctx, j)
	if err != nil {
		return Result{}, err
	}
	pl, err := p.plan(j, m)
	if err != nil {
		return Result{}, err
	}
	report(Progress{"processing", 0})
	b, err := p.bumpers(ctx, pl.rate)
	if err != nil {
		return Result{}, err
	}
	c, err := p.encode(ctx, pl, func(percent int) { report(Progress{"processing", percent}) })
	if err != nil {
		return Result{}, err
	}
	video, err := p.join(ctx, pl, b, c)
	if err != nil {
		return Result{}, err
	}
	poster, err := choosePoster(j.Dir, c.candidates)
	if err != nil {
		return Result{}, err
	}
	if err := c.removeScraps(); err != nil {
		return Result{}, err
	}
	report(Progress{"processing", 100})
	return Result{
		Video: video, Poster: poster, Width: outWidth, Height: outHeight,
		Duration: pl.rate.span(b.introFrames + c.frames + b.outroFrames),
	}, nil
}
