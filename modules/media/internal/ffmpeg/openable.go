package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	fg "github.com/u2takey/ffmpeg-go"
)

// probeWhole is probe for a file of which ffprobe may not open every stream. ffprobe gives up at the first that it
// cannot, even one that nobody needs; the job that it returns then has a copy of the file for its input, with only the
// streams that can be opened. The copy is in the job's folder, and remove removes it.
func (p *Processor) probeWhole(ctx context.Context, j Job) (_ Job, m media, remove func() error, err error) {
	remove = func() error { return nil }
	m, err = p.probe(ctx, j)
	rejection, ok := errors.AsType[*Rejection](err)
	if !ok || rejection.Code != CodeUnreadable && rejection.Code != CodeUnsupported {
		return j, m, remove, err
	}
	if opens, err := p.opens(ctx, j, "V:0"); err != nil || !opens {
		if err == nil {
			err = rejection
		}
		return j, media{}, remove, err
	}
	var tracks []int
	for i := range maxTracks {
		opens, err := p.opens(ctx, j, fmt.Sprintf("a:%d", i))
		if err != nil {
			return j, media{}, remove, err
		}
		if opens {
			tracks = append(tracks, i)
		}
	}
	whole := j
	whole.Input, whole.original = filepath.Join(j.Dir, "openable"+j.Container.Extension), nil
	remove = func() error {
		if err := os.Remove(whole.Input); err != nil && !os.IsNotExist(err) { //nolint:gosec // in the job's own folder
			return err
		}
		return nil
	}
	switch {
	case len(tracks) == 0:
		whole.lacks = []Notice{NoticeNoSound}
	case tracks[0] > 0:
		whole.lacks = []Notice{NoticeAnotherTrack}
	}
	for _, pictures := range []string{"V", "V:0"} { // a second video may be the broken one
		switch err := p.copyStreams(ctx, j, whole.Input, pictures, tracks); {
		case brokenFile(err):
			continue
		case err != nil:
			return j, media{}, remove, err
		}
		if m, err = p.probe(ctx, whole); err == nil {
			return whole, m, remove, nil
		}
	}
	return j, media{}, remove, rejection
}

// opens reports whether there is a stream with this specifier and its decoder can be prepared.
func (p *Processor) opens(ctx context.Context, j Job, specifier string) (bool, error) {
	in := p.openableInput(j)
	args, err := build(in.Get(specifier).Output("-", fg.KwArgs{"t": "0.1", "f": "null"}))
	if err != nil {
		return false, &ToolError{Step: "probe", Err: err}
	}
	err = p.run(ctx, command{
		step: "probe", path: p.ffmpeg, args: args, read: []string{j.Input},
		budget: p.limits.forClip(time.Second), original: j.original,
	})
	if brokenFile(err) {
		return false, nil
	}
	return err == nil, err
}

// openableInput opens the job's input. ffmpeg then decodes some of each stream, also of one that is only copied.
func (p *Processor) openableInput(j Job) *fg.Stream {
	return localInput(j.Input, fg.KwArgs{
		"f": j.Container.Demuxer, "codec_whitelist": decoders(), "max_pixels": p.limits.Pixels,
	})
}

// copyStreams writes pictures, a specifier of streams, and tracks of sound to file, without decoding them.
func (p *Processor) copyStreams(ctx context.Context, j Job, file, pictures string, tracks []int) error {
	in := p.openableInput(j)
	streams := []*fg.Stream{in.Get(pictures)}
	for _, i := range tracks {
		streams = append(streams, in.Get(fmt.Sprintf("a:%d", i)))
	}
	args, err := build(fg.Output(streams, file, fg.KwArgs{"c": "copy", "f": j.Container.Demuxer}))
	if err != nil {
		return &ToolError{Step: "probe", Err: err}
	}
	size, err := j.size()
	if err != nil {
		return &ToolError{Step: "probe", Err: err}
	}
	budget := p.limits.forClip(defaultMaxClip)
	budget.outputBytes = 2*size + 1<<20 // of many small packets the index may be as large as they are
	return p.run(ctx, command{
		step: "probe", path: p.ffmpeg, args: args, read: []string{j.Input}, write: []string{j.Dir},
		budget: budget, original: j.original,
	})
}

// size is that of the job's input in bytes.
func (j Job) size() (int64, error) {
	if j.original != nil {
		return j.original.size, nil
	}
	st, err := os.Stat(j.Input)
	if err != nil {
		return 0, fmt.Errorf("size of the clip: %w", err)
	}
	return st.Size(), nil
}
