package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	fg "github.com/u2takey/ffmpeg-go"

	"risingstars/platform/branding"
)

// watermark is the watermark's picture and where it lies.
type watermark struct {
	file   string
	small  string // for the small rendition; "" = file, at half its size
	margin int    // on the big one, in pixels; half of it on the small one

	left, atTheBottom bool
}

func builtInWatermark(file string) watermark { return watermark{file: file, margin: watermarkMargin} }

func (w watermark) files() []string {
	if w.small == "" {
		return []string{w.file}
	}
	return []string{w.file, w.small}
}

// in returns the file for a rendition, and the part of its size that it has there.
func (w watermark) in(frame size) (file, part string) {
	switch {
	case frame.big():
		return w.file, "1"
	case w.small != "":
		return w.small, "1"
	}
	return w.file, "1/2"
}

// corner returns where the upper left corner lies, as expressions of ffmpeg's overlay filter.
func (w watermark) corner(frame size) (x, y string) {
	margin := w.margin
	if !frame.big() {
		margin /= 2
	}
	x, y = fmt.Sprintf("W-w-%d", margin), fmt.Sprint(margin)
	if w.left {
		x = fmt.Sprint(margin)
	}
	if w.atTheBottom {
		y = fmt.Sprintf("H-h-%d", margin)
	}
	return x, y
}

// cachedWatermark returns the watermark, whose files are in the cache.
func (p *Processor) cachedWatermark(ctx context.Context) (watermark, error) {
	path := filepath.Join(p.cacheDir, p.cacheKey+"-watermark.png")
	if !p.brand.OwnWatermark() {
		err := p.cached(ctx, path, func(tmp string) error { return p.extract("watermark.png", tmp) })
		return builtInWatermark(path), err
	}
	own := p.brand.Watermark
	mark := watermark{
		file: path, small: filepath.Join(p.cacheDir, p.cacheKey+"-watermark-small.png"),
		margin: own.MarginOn(outWidth), left: own.Place.Left(), atTheBottom: own.Place.Bottom(),
	}
	// An upright small rendition has it as large as a lying one.
	for file, width := range map[string]int{mark.file: outWidth, mark.small: smallLong} {
		err := p.cached(ctx, file, func(tmp string) error {
			picture, err := own.Render(width)
			return keep(tmp, picture, err)
		})
		if err != nil {
			return mark, err
		}
	}
	return mark, nil
}

// keep writes content, unless there is an error already.
func keep(path string, content []byte, err error) error {
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		return &ToolError{Step: "bumper", Err: err}
	}
	return nil
}

// scene is what a bumper shows, at any rate and size.
type scene struct {
	name   string              // in the names of its files
	length time.Duration       // 0: clips have no such bumper
	layers func(stage) []layer // of a built-in one
	own    branding.Bumper
}

// setScenes plans the bumpers. The error is of type branding.Problems if a video does not fit.
func (p *Processor) setScenes(ctx context.Context) error {
	var problems branding.Problems
	plan := func(name string, layers func(stage) []layer, own branding.Bumper) scene {
		sc := scene{name: name, own: own}
		switch own.Kind {
		case branding.None:
		case branding.Picture:
			sc.length = own.Length
		case branding.Video:
			var err error
			if sc.length, err = p.measureOwn(ctx, own); err != nil {
				problems = append(problems, own.File+": "+complaint(err))
			}
		default:
			sc.layers, sc.length = layers, bumperLength
		}
		return sc
	}
	p.intro, p.outro = plan("intro", stage.intro, p.brand.Intro), plan("outro", stage.outro, p.brand.Outro)
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// errTooLong means that a bumper is longer than branding.LongestBumper.
var errTooLong = errors.New("the bumper is too long")

// complaint says what an operator does about a bumper that cannot be used.
func complaint(err error) string {
	rejection, rejected := errors.AsType[*Rejection](err)
	switch {
	case errors.Is(err, errTooLong):
		return fmt.Sprintf("is longer than %g s; cut it", branding.LongestBumper.Seconds())
	case rejected && (rejection.Code == CodeNotAVideo || rejection.Code == CodeNoVideoStream):
		return "is not a video"
	case rejected && rejection.Code == CodeTooComplex:
		return "is too large or takes too long to decode; export it as H.264 with at most 1920×1080 pixels"
	case rejected:
		return "cannot be decoded; export it as H.264"
	}
	return err.Error()
}

// measureOwn decodes a video and returns how long its picture is. The error is a *Rejection if the video is at fault.
func (p *Processor) measureOwn(ctx context.Context, own branding.Bumper) (length time.Duration, err error) {
	dir, err := os.MkdirTemp(p.cacheDir, tempPrefix+"measure-*")
	if err != nil {
		return 0, &ToolError{Step: "bumper", Err: err}
	}
	defer os.RemoveAll(dir)
	r := rational{30, 1}
	most := r.frames(branding.LongestBumper)
	pl, err := p.planOwn(ctx, own, dir, r)
	if err != nil {
		return 0, err
	}
	// One frame more may be a rounded rest.
	s := picture(p.source(pl).Get(fmt.Sprint(pl.video.index)), pl, pl.geometry)
	args, err := build(s.Output("-", fg.KwArgs{"f": "null", "frames:v": most + 2}))
	if err != nil {
		return 0, &ToolError{Step: "bumper", Err: err}
	}
	budget := p.limits.forClip(branding.LongestBumper)
	budget.wall = min(budget.wall, probeTime) // somebody waits for the start
	progress := newProgressReader(most, func(int) {})
	err = p.run(ctx, command{
		step: "bumper", path: p.ffmpeg, args: args, read: []string{pl.input.Input}, stdout: progress,
		budget: budget,
	})
	switch {
	case progress.frames > most+1:
		return 0, errTooLong
	case err != nil && ctx.Err() == nil && tooCostly(err, nil):
		return 0, rejectRun(err, CodeTooComplex, "%v", err)
	case err != nil && exitedBy(err), err == nil && progress.frames == 0:
		return 0, rejectRun(err, CodeUnreadable, "no picture could be decoded")
	}
	return min(r.span(progress.frames), branding.LongestBumper), err
}

// planOwn puts an operator's video into dir and plans how it is fitted into a frame.
func (p *Processor) planOwn(ctx context.Context, own branding.Bumper, dir string, r rational) (plan, error) {
	container, known := Sniff(own.Content)
	if !known {
		return plan{}, reject(CodeNotAVideo, "unknown container")
	}
	j := Job{Input: filepath.Join(dir, "own"+container.Extension), Container: container, Dir: dir}
	if err := keep(j.Input, own.Content, nil); err != nil {
		return plan{}, err
	}
	// Its own length is not relied on: without a limit, measureOwn finds what is too long.
	j.Rules = Rules{RemoveAudio: true}
	m, err := p.probe(ctx, j)
	if err != nil {
		return plan{}, err
	}
	pl, err := p.plan(j, m)
	pl.rate = r
	return pl, err
}

// draw returns the frames of a scene. The files that they are made of are put into dir.
func (sc scene) draw(
	ctx context.Context, p *Processor, dir string, r rational, frame size, frames int,
) (*fg.Stream, error) {
	switch sc.own.Kind {
	case branding.Picture:
		return sc.held(dir, r, frame, frames)
	case branding.Video:
		pl, err := p.planOwn(ctx, sc.own, dir, r)
		if err != nil {
			return nil, err
		}
		s := picture(p.source(pl).Get(fmt.Sprint(pl.video.index)), pl, fit(pl.video, frame))
		// The rate may leave it a frame short.
		return filter(s, "tpad", "stop_mode", "clone", "stop", frames), nil
	default:
		return p.animated(sc, stageFor(frame), dir, r, frames)
	}
}

// held fits an operator's picture into the frame, and holds it.
func (sc scene) held(dir string, r rational, frame size, frames int) (*fg.Stream, error) {
	pixels, err := sc.own.Size()
	if err != nil {
		return nil, &ToolError{Step: "bumper", Err: err}
	}
	path := filepath.Join(dir, "own.png")
	if err := keep(path, sc.own.Content, nil); err != nil {
		return nil, err
	}
	g := fit(videoStream{width: pixels.X, height: pixels.Y, matrix: [4]float64{1, 0, 0, 1}}, frame)
	s := localInput(path, fg.KwArgs{"f": "image2", "framerate": r.String()})
	s = filter(s, "scale", "w", g.width, "h", g.height, "out_color_matrix", "bt709", "out_range", "tv",
		"flags", "lanczos+accurate_rnd")
	s = filter(filter(s, "format", "pix_fmts", "yuv420p"), "setsar", "sar", 1)
	s = filter(s, "pad", "w", frame.width, "h", frame.height, "x", g.padX, "y", g.padY)
	return fadeEnds(filter(s, "loop", "loop", frames, "size", 1), sc.length), nil
}
