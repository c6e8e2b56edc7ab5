package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
)

// Rules are what a contest asks of a clip. They travel with each job.
type Rules = ffmpeg.Rules

// ProcessorOptions are what a machine processes clips with. Branding and CacheDir are required.
type ProcessorOptions = ffmpeg.Options

// Processor turns originals into renditions. It is safe for concurrent use.
type Processor struct {
	ffmpeg *ffmpeg.Processor
}

// NewProcessor fails when ffmpeg is missing.
func NewProcessor(o ProcessorOptions) (*Processor, error) {
	p, err := ffmpeg.New(o)
	if err != nil {
		return nil, fmt.Errorf("prepare processing: %w", err)
	}
	return &Processor{ffmpeg: p}, nil
}

// FileJob is a clip on the disk to process.
type FileJob struct {
	In, Out  string        // the poster is written beside Out, with the extension .jpg
	Start    time.Duration // where the published part begins
	Rules    Rules
	Progress func(step string, percent int)
}

// File runs exactly what a worker runs on a file. The rendition and the poster appear whole or not at all.
func (p *Processor) File(ctx context.Context, f FileJob) error {
	container, err := sniffFile(f.In)
	if err != nil {
		return err
	}
	// ffmpeg runs in another folder.
	in, err1 := filepath.Abs(f.In)
	out, err2 := filepath.Abs(f.Out)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("find the clip: %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), ".process-*")
	if err != nil {
		return fmt.Errorf("make a folder to work in: %w", err)
	}
	defer os.RemoveAll(dir)
	result, err := p.ffmpeg.Process(ctx, ffmpeg.Job{
		Input: in, Container: container, Start: f.Start, Rules: f.Rules, Dir: dir,
		Progress: func(at ffmpeg.Progress) { f.Progress(at.Step, at.Percent) },
	})
	if tool, ok := errors.AsType[*ffmpeg.ToolError](err); ok {
		return fmt.Errorf("%w\n%s", err, tool.Stderr)
	}
	if err != nil {
		return fmt.Errorf("process %s: %w", in, err)
	}
	poster := out[:len(out)-len(filepath.Ext(out))] + ".jpg"
	err = os.Rename(result.Video, out)
	if err == nil {
		err = os.Rename(result.Poster, poster)
	}
	if err != nil {
		return fmt.Errorf("put the result in place: %w", err)
	}
	return nil
}

func sniffFile(path string) (ffmpeg.Container, error) {
	file, err := os.Open(path)
	if err != nil {
		return ffmpeg.Container{}, fmt.Errorf("open the clip: %w", err)
	}
	defer file.Close()
	container, err := sniff(file)
	if err != nil {
		return container, fmt.Errorf("%s: %w", path, err)
	}
	return container, nil
}

// sniff reads the container from the first bytes of r; errNotAVideo when there is none that we take.
func sniff(r io.Reader) (ffmpeg.Container, error) {
	head := make([]byte, ffmpeg.SniffLen)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return ffmpeg.Container{}, fmt.Errorf("read the first bytes: %w", err)
	}
	container, ok := ffmpeg.Sniff(head[:n])
	if !ok {
		return ffmpeg.Container{}, errNotAVideo
	}
	return container, nil
}

// Tools tells what the installed ffmpeg is and lacks: Missing stops all processing, Lacking refuses some clips, and
// without isolation ffmpeg could reach the network if it were tricked into it.
type Tools = ffmpeg.Tools

// Inspect asks the installed ffmpeg what it can do.
func (p *Processor) Inspect(ctx context.Context) (Tools, error) {
	tools, err := p.ffmpeg.Inspect(ctx)
	if err != nil {
		return tools, fmt.Errorf("inspect ffmpeg: %w", err)
	}
	return tools, nil
}
