package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	videos, err := p.openable(ctx, j, "V")
	if err == nil && len(videos) == 0 {
		err = rejection
	}
	if err != nil {
		return j, media{}, remove, err
	}
	tracks, err := p.openable(ctx, j, "a")
	if err != nil {
		return j, media{}, remove, err
	}
	whole := j
	whole.Input, whole.original = filepath.Join(j.Dir, "openable"+j.Container.Extension), nil
	remove = func() error {
		if err := os.Remove(whole.Input); err != nil && !os.IsNotExist(err) { //nolint:gosec // in the job's own folder
			return err
		}
		return nil
	}
	silent := false
	if len(tracks) == 0 {
		if silent, err = p.holds(ctx, j, "a:0", fg.KwArgs{"c": "copy"}); err != nil {
			return j, media{}, remove, err
		}
	}
	switch {
	case silent:
		whole.lacks = []Notice{NoticeNoSound}
	case len(tracks) > 0 && tracks[0] != "a:0":
		whole.lacks = []Notice{NoticeAnotherTrack}
	}
	for _, copied := range [][]string{videos, videos[:1]} { // another video may be the broken one
		switch err := p.copyStreams(ctx, j, whole.Input, append(slices.Clone(copied), tracks...)); {
		case brokenFile(err):
			continue
		case err != nil:
			return j, media{}, remove, err
		}
		m, err = p.probe(ctx, whole)
		if _, refused := errors.AsType[*Rejection](err); !refused {
			return whole, m, remove, err
		}
	}
	return j, media{}, remove, rejection
}

// openable returns the specifiers of those of the first streams of a kind that can be opened.
func (p *Processor) openable(ctx context.Context, j Job, kind string) (specifiers []string, err error) {
	for i := range maxTracks {
		specifier := fmt.Sprintf("%s:%d", kind, i)
		opens, err := p.holds(ctx, j, specifier, fg.KwArgs{})
		if err != nil {
			return nil, err
		}
		if opens {
			specifiers = append(specifiers, specifier)
		}
	}
	return specifiers, nil
}

// holds reports whether there is a stream with this specifier and its decoder can be prepared, unless output says that
// it is only copied.
func (p *Processor) holds(ctx context.Context, j Job, specifier string, output fg.KwArgs) (bool, error) {
	in := p.openableInput(j)
	args, err := build(in.Get(specifier).Output("-", fg.KwArgs{"t": "0.1", "f": "null"}, output))
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

// copyStreams writes streams to file, without decoding them. Of the two forms of the mov demuxer, QuickTime has no
// place for what browsers record, and MP4 none for what editors do.
func (p *Processor) copyStreams(ctx context.Context, j Job, file string, specifiers []string) (err error) {
	muxers := []string{j.Container.Demuxer}
	if j.Container.Demuxer == "mov" {
		muxers = []string{"mov", "mp4"}
	}
	for _, muxer := range muxers {
		if err = p.copyAs(ctx, j, file, muxer, specifiers); !brokenFile(err) {
			return err
		}
	}
	return err
}

func (p *Processor) copyAs(ctx context.Context, j Job, file, muxer string, specifiers []string) error {
	in := p.openableInput(j)
	var streams []*fg.Stream
	for _, s := range specifiers {
		streams = append(streams, in.Get(s))
	}
	args, err := build(fg.Output(streams, file, fg.KwArgs{"c": "copy", "f": muxer, "strict": "experimental"}))
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
