package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	fg "github.com/u2takey/ffmpeg-go"
)

// probeWhole is probe for a file of which ffprobe may not open every stream. ffprobe gives up at the first that it
// cannot, even one that nobody needs; the job that it returns then has a copy of the file for its input, with only the
// streams that can be opened. The copy is in the job's folder, and remove removes it.
func (p *Processor) probeWhole(ctx context.Context, j Job) (_ Job, m media, remove func() error, err error) {
	remove = func() error { return nil }
	m, err = p.probe(ctx, j)
	rejection, unreadable := errors.AsType[*Rejection](err)
	if !unreadable || rejection.Code != CodeUnreadable {
		return j, m, remove, err
	}
	tracks, err := p.openableTracks(ctx, j)
	if err != nil {
		return j, media{}, remove, err
	}
	whole := j
	whole.Input, whole.original = filepath.Join(j.Dir, "openable"+j.Container.Extension), nil
	remove = func() error {
		if err := os.Remove(whole.Input); err != nil && !os.IsNotExist(err) {
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

// openableTracks returns the numbers of the tracks of sound that a decoder can be prepared for, among the first few.
func (p *Processor) openableTracks(ctx context.Context, j Job) (tracks []int, err error) {
	for i := range maxTracks {
		in := localInput(j.Input, fg.KwArgs{"f": j.Container.Demuxer, "codec_whitelist": decoders()})
		args, err := build(in.Get(fmt.Sprintf("a:%d", i)).Output("-", fg.KwArgs{"t": "0.1", "f": "null"}))
		if err != nil {
			return nil, &ToolError{Step: "probe", Err: err}
		}
		err = p.run(ctx, command{
			step: "probe", path: p.ffmpeg, args: args, read: []string{j.Input},
			budget: p.limits.forProbe(), original: j.original,
		})
		switch {
		case err == nil:
			tracks = append(tracks, i)
		case !brokenFile(err):
			return nil, err
		}
	}
	return tracks, nil
}

// copyStreams writes pictures, a specifier of streams, and tracks of sound to file, without decoding them.
func (p *Processor) copyStreams(ctx context.Context, j Job, file, pictures string, tracks []int) error {
	in := localInput(j.Input, fg.KwArgs{"f": j.Container.Demuxer})
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
