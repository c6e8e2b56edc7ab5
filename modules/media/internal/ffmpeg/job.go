package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Job is one clip to process.
type Job struct {
	Input     string        // the clip's absolute path, or "" for that of Source
	Source    *Source       // the clip, if it is not a file on this machine
	Container Container     // as Sniff recognised it
	Start     time.Duration // where the published part begins; less than 0 counts as 0
	Rules     Rules
	Dir       string         // an empty folder that the caller owns and removes
	Progress  func(Progress) // called by one goroutine at a time, never after Process has returned; may be nil

	original *original // of Source, as Input
	lacks    []Notice  // what Input lacks already

	spent *time.Duration // CPU time of the passes over Input so far
}

// Progress is how far a job has come. Percent never falls.
type Progress struct {
	Step    string // "probing" or "processing"
	Percent int
}

// Result names the files that a job wrote to Job.Dir.
type Result struct {
	Video, Poster string
	Small         Rendition     // Video for phones; its File is "" if the rules leave it out
	Posters       [3]Rendition  // Poster and the smaller ones, the largest first
	Duration      time.Duration // of Video and Small, bumpers included
	Notices       []Notice      // what Video lacks of the original, each once
}

// Rendition is a file with the size of its picture.
type Rendition struct {
	File          string
	Width, Height int
}

// validate checks a job before anything runs. An error is never the contestant's fault.
func (j Job) validate() error {
	if !filepath.IsAbs(j.Input) {
		return errors.New("the input is not an absolute path")
	}
	return j.Rules.validate()
}

// Process creates the rendition and the poster of one clip. See the package comment for its errors.
func (p *Processor) Process(ctx context.Context, j Job) (_ Result, err error) {
	report := j.Progress
	if report == nil {
		report = func(Progress) {}
	}
	if j.Source != nil {
		if j.original, err = newOriginal(j.Dir, j.Source); err != nil {
			return Result{}, &ToolError{Step: "probe", Err: fmt.Errorf("create a file for the original: %w", err)}
		}
		defer func() { err = errors.Join(err, j.original.close()) }()
		j.Input = j.original.path
	}
	if err := j.validate(); err != nil {
		return Result{}, &ToolError{Step: "probe", Err: err}
	}
	j.spent = new(time.Duration)
	report(Progress{"probing", 0})
	if j.original != nil && !p.waits {
		switch err := j.original.fillAll(ctx); {
		case err != nil && ctx.Err() != nil:
			return Result{}, fmt.Errorf("fetch the original: %w", ctx.Err())
		case err != nil:
			return Result{}, &ToolError{Step: "probe", Err: err}
		}
	}
	whole, m, remove, err := p.probeWhole(ctx, j)
	defer func() { err = errors.Join(err, remove()) }()
	if err != nil {
		return Result{}, err
	}
	if m, err = p.confirmed(ctx, whole, m); err != nil {
		return Result{}, err
	}
	pl, err := p.plan(whole, m)
	if err != nil {
		return Result{}, err
	}
	if pl, err = p.reaching(ctx, pl, m); err != nil {
		return Result{}, err
	}
	report(Progress{"processing", 0})
	b, err := p.bumpers(ctx, pl.rate, bigSize())
	if err != nil {
		return Result{}, err
	}
	var small bumpers
	if pl.hasSmall() {
		if small, err = p.bumpers(ctx, pl.rate, pl.small.frame); err != nil {
			return Result{}, err
		}
	}
	c, pl, err := p.encodeToEnd(ctx, pl, m, rising(func(percent int) { report(Progress{"processing", percent}) }))
	if err != nil {
		return Result{}, err
	}
	seams := c.seams(j.Dir, b, small)
	if err := p.join(ctx, pl, b, c, seams); err != nil {
		return Result{}, err
	}
	posters, err := p.posters(ctx, j.Dir, c.candidates)
	if err != nil {
		return Result{}, err
	}
	if err := c.cleanUp(); err != nil {
		return Result{}, err
	}
	report(Progress{"processing", 100})
	r := Result{
		Video: seams[0].out, Poster: posters[0].File, Posters: posters,
		Duration: pl.rate.span(b.introFrames + c.frames + b.outroFrames), Notices: c.notices,
	}
	if pl.hasSmall() {
		r.Small = Rendition{seams[1].out, pl.small.frame.width, pl.small.frame.height}
	}
	return r, nil
}
