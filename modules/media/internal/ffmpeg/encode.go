package ffmpeg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	fg "github.com/u2takey/ffmpeg-go"
)

// clip is what the one pass over the source left in Job.Dir.
type clip struct {
	video      string // H.264 without sound
	small      string // the same for the small rendition; "" = none
	sound      string // float samples from the first picture on; "" = none
	loudness   loudness
	candidates candidates
	frames     int
	notices    []Notice
}

// cleanUp removes what the rendition no longer needs.
func (c clip) cleanUp() error {
	var errs []error
	for _, f := range []string{c.video, c.small, c.sound} {
		if f == "" {
			continue
		}
		if err := os.Remove(f); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// soundLength is how long the samples last.
func (c clip) soundLength() time.Duration {
	const perSecond = sampleRate * channels * 4 // bytes
	st, err := os.Stat(c.sound)
	if c.sound == "" || err != nil {
		return 0
	}
	return time.Duration(float64(st.Size()) / perSecond * float64(time.Second))
}

// encode makes the clip's picture and sound, in one pass unless something in the file is broken.
func (p *Processor) encode(ctx context.Context, pl plan, percent func(int)) (clip, error) {
	mark, err := p.cachedWatermark(ctx)
	if err != nil {
		return clip{}, err
	}
	sound := newRecordings(pl.input.Dir, pl.sound.first)
	pass := func(sound []recording) (clip, error) { return p.pass(ctx, pl, mark, sound, percent) }
	c, err := pass(sound)
	var broken error
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
	if c, err = p.withSound(ctx, pl, c, sound, broken); err == nil && pl.cutOff(c.frames) {
		c.notices = append(c.notices, NoticePictureCutOff)
	}
	return c, err
}

// pass encodes the picture and decodes sound.
func (p *Processor) pass(
	ctx context.Context, pl plan, mark watermark, sound []recording, percent func(int),
) (clip, error) {
	if err := p.affords(pl); err != nil {
		return clip{}, err
	}
	c := clip{video: filepath.Join(pl.input.Dir, "clip.mp4"), candidates: newCandidates(pl)}
	if pl.hasSmall() {
		c.small = filepath.Join(pl.input.Dir, "clip-small.mp4")
	}
	args, err := p.encodeArgs(pl, c, mark, sound)
	if err != nil {
		return clip{}, &ToolError{Step: "process", Err: err}
	}
	progress := newProgressReader(pl.frames(), percent)
	err = p.run(ctx, command{
		step: "process", path: p.ffmpeg, args: args,
		read: append(mark.files(), pl.input.Input), write: []string{pl.input.Dir},
		stdout: progress, budget: p.limits.forClip(pl.length), original: pl.input.original,
		spent: pl.input.spent,
	})
	c.frames = progress.frames
	return c, err
}

// affords rejects the clip when its passes have used so much CPU time together that no further one may begin.
func (p *Processor) affords(pl plan) error {
	if spent := pl.input.spent; spent != nil && *spent > 2*p.limits.forClip(pl.length).cpu {
		return reject(CodeTooComplex, "its passes have used %v of CPU time", *spent)
	}
	return nil
}

// source opens the clip where the content begins.
func (p *Processor) source(pl plan) *fg.Stream {
	args := p.inputArgs(pl)
	args["t"] = seconds(pl.length.Seconds())
	if pl.start > 0 {
		args["ss"] = seconds(pl.start.Seconds())
	}
	return localInput(pl.input.Input, args)
}

func (p *Processor) inputArgs(pl plan) fg.KwArgs {
	args := fg.KwArgs{
		"f": pl.input.Container.Demuxer, "threads": p.decodeThreads(pl),
		"codec_whitelist": decoders(), "max_pixels": p.limits.Pixels, "noautorotate": "", "reinit_filter:v": 0,
	}
	if decoder := pl.video.decoder(); decoder != "" {
		args["c:"+strconv.Itoa(pl.video.index)] = decoder
	}
	if pl.skipsDeblocking() {
		args["skip_loop_filter"] = "noref"
	}
	return args
}

// pictureSource opens the clip at the key frame before the content, so that the picture which is on screen at its
// beginning is decoded, however long ago that picture began.
func (p *Processor) pictureSource(pl plan) *fg.Stream {
	args := p.inputArgs(pl)
	args["ss"], args["noaccurate_seek"] = seconds((pl.from - pl.back).Seconds()), ""
	if pl.back > 0 {
		args["itsoffset"] = seconds(-pl.back.Seconds())
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

// pictures returns the outputs that show the decoded stream s. The first one is the rendition, whose frames ffmpeg
// reports.
func (p *Processor) pictures(s *fg.Stream, pl plan, c clip, mark watermark) []*fg.Stream {
	encoded := func(s *fg.Stream, out string, frame size) *fg.Stream {
		video := p.videoArgs(pl.rate, frame)
		video["frames:v"] = pl.frames()
		return s.Output(out, video)
	}
	var small *fg.Stream
	if frame := pl.small.frame; frame.tall() {
		// The other rendition shows an upright picture smaller than this one does.
		decoded := s.Split()
		s = decoded.Get("0")
		small = marked(picture(decoded.Get("1"), pl, pl.small), mark, frame)
	}
	fork := marked(picture(s, pl, pl.geometry), mark, pl.geometry.frame).Split()
	if frame := pl.small.frame; pl.hasSmall() && small == nil {
		small = filter(fork.Get("2"), "scale", "w", frame.width, "h", frame.height, "flags", "bicubic")
	}
	outputs := []*fg.Stream{encoded(fork.Get("0"), c.video, pl.geometry.frame)}
	if small != nil {
		outputs = append(outputs, encoded(small, c.small, pl.small.frame))
	}
	return append(outputs, c.candidates.outputs(fork.Get("1"))...)
}

// encodeArgs returns ffmpeg's arguments for the one pass: picture, sound and poster candidates.
func (p *Processor) encodeArgs(pl plan, c clip, mark watermark, sound []recording) ([]string, error) {
	in := p.source(pl)
	shown := in
	if pl.start > 0 {
		shown = p.pictureSource(pl)
	}
	outputs := p.pictures(shown.Get(strconv.Itoa(pl.video.index)), pl, c, mark)
	for _, r := range sound {
		outputs = append(outputs, r.outputs(in, pl.length)...)
	}
	return build(outputs...)
}
