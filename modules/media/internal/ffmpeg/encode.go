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
	sound      string // float samples; "" = none
	loudness   string // what ebur128 measured on them
	candidates candidates
	frames     int
	notices    []Notice
}

// cleanUp removes what the rendition no longer needs.
func (c clip) cleanUp() error {
	var errs []error
	for _, f := range []string{c.video, c.sound, c.loudness} {
		if f == "" {
			continue
		}
		if err := os.Remove(f); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// silent reports whether there are no samples: the clip has no track, or the track ended before the content begins, or
// it is damaged.
func (c clip) silent() bool {
	const header = 128 // a WAV file without samples is shorter
	st, err := os.Stat(c.sound)
	return c.sound == "" || err != nil || st.Size() < header
}

// encode runs the one pass.
func (p *Processor) encode(ctx context.Context, pl plan, percent func(int)) (clip, error) {
	mark, err := p.cachedWatermark(ctx)
	if err != nil {
		return clip{}, err
	}
	c := clip{video: filepath.Join(pl.input.Dir, "clip.mp4"), candidates: newCandidates(pl)}
	if pl.audioIndex >= 0 {
		c.sound, c.loudness = filepath.Join(pl.input.Dir, "clip.wav"), filepath.Join(pl.input.Dir, "loudness.txt")
	}
	args, err := p.encodeArgs(pl, c, mark)
	if err != nil {
		return clip{}, &ToolError{Step: "process", Err: err}
	}
	progress := newProgressReader(pl.rate.frames(pl.length), percent)
	err = p.run(ctx, command{
		step: "process", path: p.ffmpeg, args: args,
		read: []string{pl.input.Input, mark.file}, write: []string{pl.input.Dir},
		stdout: progress, budget: p.limits.forClip(pl.length), original: pl.input.original,
	})
	c.frames = progress.frames
	if err != nil {
		return clip{}, p.blame(ctx, pl, err)
	}
	switch {
	case c.frames == 0 && pl.start > 0:
		return c, reject(CodeStartBeyondEnd, "no picture after %v", pl.start)
	case c.frames == 0:
		return c, reject(CodeUnreadable, "no picture could be decoded")
	}
	return c, nil
}

// source opens the clip where the content begins.
func (p *Processor) source(pl plan) *fg.Stream {
	args := fg.KwArgs{
		"f": pl.input.Container.Demuxer, "t": seconds(pl.length.Seconds()), "threads": p.decodeThreads(pl),
		"codec_whitelist": decoders(), "max_pixels": p.limits.Pixels, "noautorotate": "", "reinit_filter:v": 0,
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

// encodeArgs returns ffmpeg's arguments for the one pass: picture, sound and poster candidates.
func (p *Processor) encodeArgs(pl plan, c clip, mark watermark) ([]string, error) {
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
	if c.sound != "" {
		sound := measured(sound(in.Get(strconv.Itoa(pl.audioIndex)), pl.length), c.loudness)
		outputs = append(outputs, sound.Output(c.sound, fg.KwArgs{"c:a": "pcm_f32le", "f": "wav", "map_metadata": -1}))
	}
	return build(outputs...)
}
