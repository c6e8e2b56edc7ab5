package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/box"
)

// Rules are a contest's rules for clips.
type Rules = ffmpeg.Rules

// ProcessorOptions describe the machine that processes clips. Branding and CacheDir are required.
type ProcessorOptions = ffmpeg.Options

// Processor turns originals into renditions. It is safe for concurrent use.
type Processor struct {
	ffmpeg *ffmpeg.Processor
}

// NewProcessor fails when ffmpeg is missing. The error is of type branding.Problems if a video of the branding does not
// fit.
func NewProcessor(o ProcessorOptions) (*Processor, error) {
	p, err := ffmpeg.New(o)
	if err != nil {
		return nil, fmt.Errorf("prepare processing: %w", err)
	}
	return &Processor{ffmpeg: p}, nil
}

// FileJob is a clip to process on the local disk.
type FileJob struct {
	// The poster goes beside Out, with the extension .jpg, and the small rendition with -small before Out's extension.
	In, Out  string
	Start    time.Duration // where the published part begins
	Rules    Rules
	Progress func(step string, percent int)
}

// File processes a file exactly as a worker does. The rendition and the poster each appear whole or not at all. It
// returns what the rendition lacks of the original.
func (p *Processor) File(ctx context.Context, f FileJob) ([]Notice, error) {
	container, err := sniffFile(f.In)
	if err != nil {
		return nil, err
	}
	// ffmpeg runs in another folder, so the paths must be absolute.
	in, err1 := filepath.Abs(f.In)
	out, err2 := filepath.Abs(f.Out)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("resolve the paths: %w", err)
	}
	base := out[:len(out)-len(filepath.Ext(out))]
	poster, small := base+".jpg", base+smallEnd+filepath.Ext(out)
	for _, path := range []string{out, poster, small} {
		if same(in, path) {
			return nil, fmt.Errorf("%s would be overwritten; name another output", in)
		}
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), ".process-*")
	if err != nil {
		return nil, fmt.Errorf("create a work folder: %w", err)
	}
	defer os.RemoveAll(dir)
	result, err := p.ffmpeg.Process(ctx, ffmpeg.Job{
		Input: in, Container: container, Start: f.Start, Rules: f.Rules, Dir: dir,
		Progress: func(at ffmpeg.Progress) { f.Progress(at.Step, at.Percent) },
	})
	if tool, ok := errors.AsType[*ffmpeg.ToolError](err); ok {
		return nil, fmt.Errorf("%w\n%s", err, tool.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("process %s: %w", in, err)
	}
	err = os.Rename(result.Video, out)
	if err == nil {
		err = os.Rename(result.Poster, poster)
	}
	if err == nil && result.Small.File != "" {
		err = os.Rename(result.Small.File, small)
	}
	if err != nil {
		return nil, fmt.Errorf("move the result into place: %w", err)
	}
	return result.Notices, nil
}

// Warm renders the intros and outros of the most common clips, unless they are there already.
func (p *Processor) Warm(ctx context.Context, rules Rules) error {
	if err := p.ffmpeg.Warm(ctx, rules); err != nil {
		return fmt.Errorf("render intro and outro: %w", err)
	}
	return nil
}

// Preview writes a test picture with sound to out, processed as a clip is, and a poster beside it.
func (p *Processor) Preview(ctx context.Context, out string, progress func(step string, percent int)) error {
	dir, err := os.MkdirTemp("", "preview-*")
	if err != nil {
		return fmt.Errorf("create a work folder: %w", err)
	}
	defer os.RemoveAll(dir)
	in, err := p.ffmpeg.TestClip(ctx, dir)
	if err != nil {
		return fmt.Errorf("make a test picture: %w", err)
	}
	_, err = p.File(ctx, FileJob{In: in, Out: out, Progress: progress})
	return err
}

// same reports whether two paths lead to the same file.
func same(a, b string) bool {
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}

func sniffFile(path string) (ffmpeg.Container, error) {
	file, err := os.Open(path)
	if err != nil {
		return ffmpeg.Container{}, fmt.Errorf("open the clip: %w", err)
	}
	defer file.Close()
	container, _, err := sniff(file)
	if err != nil {
		return container, fmt.Errorf("%s: %w", path, err)
	}
	return container, nil
}

// Tools describe the installed ffmpeg. If anything is Missing, no clip can be processed; if there are MissingDecoders,
// some clips are rejected.
type Tools = ffmpeg.Tools

// Walls returns the walls around each run of ffmpeg, and why some are missing. Where one is, process only clips that
// you trust.
func (p *Processor) Walls() []box.Wall { return p.ffmpeg.Walls() }

// Inspect returns what the installed ffmpeg can do.
func (p *Processor) Inspect(ctx context.Context) (Tools, error) {
	tools, err := p.ffmpeg.Inspect(ctx)
	if err != nil {
		return tools, fmt.Errorf("inspect ffmpeg: %w", err)
	}
	return tools, nil
}

// Check returns the version of the installed ffmpeg, or an error if it cannot process any clip. Unlike Inspect it asks
// a build once, and remembers it in the cache folder.
func (p *Processor) Check(ctx context.Context) (version string, err error) {
	if version, err = p.ffmpeg.Check(ctx); err != nil {
		return "", fmt.Errorf("check ffmpeg: %w", err)
	}
	return version, nil
}

// ToolVersion asks the installed ffmpeg for its version. If there is none, the error says how to install it.
func ToolVersion(ctx context.Context) (string, error) { return ffmpeg.Version(ctx) }
