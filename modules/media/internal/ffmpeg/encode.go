package ffmpeg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	fg "github.com/u2takey/ffmpeg-go"
)

// clip is what the one pass over the source left in Job.Dir.
type clip struct {
	video      string // H.264 without sound
	sound      string // float samples from the first picture on; "" = none
	loudness   loudness
	candidates candidates
	frames     int
	notices    []Notice
}

// cleanUp removes what the rendition no longer needs.
func (c clip) cleanUp() error {
	var errs []error
	for _, f := range []string{c.video, c.sound} {
		if f == "" {
			continue
		}
		if err := os.Remove(f); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// encode makes the clip's picture and sound, in one pass unless something in the file is broken.
func (p *Processor) encode(ctx context.Context, pl plan, percent func(int)) (clip, error) {
	mark, err := p.watermark(ctx)
	if err != nil {
		return clip{}, err
	}
	sound := newRecordings(pl.input.Dir, pl.sound.first)
	last := -1
	rising := func(n int) { // also when the pass has to be done again
		if n > last {
			last = n
			percent(n)
		}
	}
	pass := func(sound []recording) (clip, error) { return p.pass(ctx, pl, mark, sound, rising) }
	c, err := pass(sound)
	broken := false
	if err != nil {
		if c, broken, err = p.withoutSound(ctx, pl, sound, pass, err); err != nil {
			return clip{}, err
		}
	}
	switch {
	case c.frames == 0 && pl.start > 0:
		return c, reject(CodeStartBeyondEnd, "no picture after %v", pl.start)
	case c.frames == 0:
		return c, reject(CodeUnreadable, "no picture could be decoded")
	}
	return p.withSound(ctx, pl, c, sound, broken)
}

// pass encodes the picture and decodes sound.
func (p *Processor) pass(
	ctx context.Context, pl plan, mark string, sound []recording, percent func(int),
) (clip, error) {
	c := clip{video: filepath.Join(pl.input.Dir, "clip.mp4"), candidates: newCandidates(pl)}
	args, err := p.encodeArgs(pl, c, mark, sound)
	if err != nil {
		return clip{}, &ToolError{Step: "process", Err: err}
	}
	progress := newProgressReader(pl.rate.frames(pl.length), percent)
	err = p.run(ctx, command{
		step: "process", path: p.ffmpeg, args: args,
		read: []string{pl.input.Input, mark}, write: []string{pl.input.Dir},
		stdout: progress, budget: p.limits.forClip(pl.length), original: pl.input.original,
	})
	c.frames = progress.frames
	return c, err
}

// source opens the clip where the content begins.
func (p *Processor) source(pl plan) *fg.Stream {
	args := fg.KwArgs{
		"f": pl.input.Container.Demuxer, "t": seconds(pl.length.Seconds()), "threads": p.decodeThreads(pl),
		"codec_whitelist": decoders(), "max_pixels": p.limits.Pixels, "noautorotate": "", "reinit_filter:v": 0,
	}
	if decoder := pl.video.decoder(); decoder != "" {
		args["c:"+strconv.Itoa(pl.video.index)] = decoder
	}
	if pl.skipsDeblocking() {
		args["skip_loop_filter"] = "noref"
	}
	if pl.start > 0 {
		args["ss"] = seconds(pl.start.Seconds())
	}
	return localInput(pl.input.Input, args)
}

// decodeThreads returns 1 for a clip that one thread decodes well ahead of the encoder: up to Full HD at 60. More
// threads mostly wait for each other, which costs CPU time (infra/load/README.md).
func (p *Processor) decodeThreads(pl plan) int {
	const fullHD60 = 1920 * 1088 * 60.1
	rate := 30.0
	if pl.video.rate.known() {
		rate = pl.video.rate.float()
	}
	if pl.video.codec != "av1" && float64(pl.video.width*pl.video.height)*rate <= fullHD60 {
		return 1
	}
	return p.threads
}

// encodeArgs returns ffmpeg's arguments for the one pass: picture, sound and poster candidates. mark is the watermark's
// file.
func (p *Processor) encodeArgs(pl plan, c clip, mark string, sound []recording) ([]string, error) {
	in := p.source(pl)
	frames := pl.rate.frames(pl.length)
	fork := marked(picture(in.Get(strconv.Itoa(pl.video.index)), pl), mark).Split()

	video := p.videoArgs(pl.rate)
	video["frames:v"] = frames
	if pl.wholeBlocks() {
		video["x264-params"] = stitchable + ":partitions=i8x8,i4x4"
	}
	outputs := []*fg.Stream{fork.Get("0").Output(c.video, video)}
	outputs = append(outputs, c.candidates.outputs(fork.Get("1"))...)
	for _, r := range sound {
		outputs = append(outputs, r.outputs(in, pl.length)...)
	}
	return build(outputs...)
}
