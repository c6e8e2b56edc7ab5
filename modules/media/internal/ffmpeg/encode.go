package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	fg "github.com/u2takey/ffmpeg-go"
)

// clip is what the one pass over the source left in Job.Dir.
type clip struct {
	video      string // H.264 without sound
	sound      string // float samples, "" for none
	loudness   string // what ebur128 measured on them
	candidates candidates
	frames     int
}

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

// silent tells whether not one sample came out of the track: it ended before the content begins, or is damaged.
func (c clip) silent() bool {
	const header = 128 // a WAV file with nothing in it is shorter
	st, err := os.Stat(c.sound)
	return c.sound == "" || err != nil || st.Size() < header
}

// encode runs the one pass.
func (p *Processor) encode(ctx context.Context, pl plan, percent func(int)) (clip, error) {
	mark, err := p.watermark(ctx)
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
	network, _ := p.inputArgs(pl.input.Input)
	progress := newProgressReader(pl.rate.frames(pl.length), percent)
	said := &tailWriter{}
	err = p.run(ctx, command{
		step: "process", path: p.ffmpeg, args: args, stdout: progress, budget: p.limits.forClip(pl.length), network: network, said: said,
	})
	c.frames = progress.frames
	if err != nil {
		return clip{}, p.blame(ctx, pl, err, said)
	}
	return c, p.checkClip(pl, c, network && said.network)
}

// checkClip finds out what a run that ended well left undone: ffmpeg takes the end of readable data for the end of the clip.
// Of a file that ends too early that is what there is; behind a lost connection there is more.
func (p *Processor) checkClip(pl plan, c clip, lost bool) error {
	switch want := pl.rate.frames(pl.length); {
	case lost && c.frames < want*95/100-1:
		return &ToolError{Step: "process", Err: fmt.Errorf("%d of %d frames arrived", c.frames, want)}
	case c.frames == 0 && pl.start > 0:
		return reject(CodeStartBeyondEnd, "no picture after %v", pl.start)
	case c.frames == 0:
		return reject(CodeUnreadable, "no picture could be decoded")
	}
	return nil
}

// blame decides who is at fault for a failed pass. The exit code does not tell a broken clip from a full disk; decoding
// alone, with nothing written, does. said is what the pass said.
func (p *Processor) blame(ctx context.Context, pl plan, cause error, said *tailWriter) error {
	var tool *ToolError
	if !errors.As(cause, &tool) {
		return cause
	}
	network, _ := p.inputArgs(pl.input.Input)
	if tooCostly(cause, network) {
		return rejectRun(cause, CodeTooComplex, "%v", cause)
	}
	if network && (said.network || !exitedBy(cause)) {
		return cause // reading it again could fail for the same lost connection
	}
	args, err := build(p.source(pl).Get(strconv.Itoa(pl.video.index)).Output("-", fg.KwArgs{"f": "null"}))
	if err != nil {
		return cause
	}
	said = &tailWriter{}
	err = p.run(ctx, command{step: "decode", path: p.ffmpeg, args: args, budget: p.limits.forClip(pl.length), network: network, said: said})
	switch {
	case err == nil:
		return cause
	case ctx.Err() != nil:
		return err
	case tooCostly(err, network):
		return rejectRun(err, CodeTooComplex, "%v", err)
	case network && (said.network || !exitedBy(err)):
		return cause
	}
	return rejectRun(cause, CodeUnreadable, "%v: %s", err, lastLine(tool.Stderr))
}

// tooCostly tells whether the file is why a run was ended for its cost.
func tooCostly(err error, network bool) bool {
	return errors.Is(err, errOverCPU) || errors.Is(err, errOverMemory) || errors.Is(err, errOverOutput) ||
		(errors.Is(err, errOverWall) && !network)
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// source opens the clip where the content begins.
func (p *Processor) source(pl plan) *fg.Stream {
	_, whitelist := p.inputArgs(pl.input.Input)
	args := fg.KwArgs{
		"f": pl.input.Container.Demuxer, "t": seconds(pl.length.Seconds()), "threads": p.decodeThreads(pl),
		"max_pixels": p.limits.Pixels, "noautorotate": "", "reinit_filter:v": 0,
	}
	for i := 0; i+1 < len(whitelist); i += 2 {
		args[strings.TrimPrefix(whitelist[i], "-")] = whitelist[i+1]
	}
	if pl.skipsDeblocking() {
		args["skip_loop_filter"] = "noref"
	}
	if pl.start > 0 {
		args["ss"] = seconds(pl.start.Seconds())
	}
	return fg.Input(pl.input.Input, args)
}

// decodeThreads is one for what one thread decodes well ahead of the encoder: up to Full HD at 60. Threads beyond that mostly
// wait for each other, and that costs CPU time (infra/load/README.md).
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

func (p *Processor) encodeArgs(pl plan, c clip, mark string) ([]string, error) {
	in := p.source(pl)
	frames := pl.rate.frames(pl.length)

	logo := filter(localInput(mark, fg.KwArgs{"f": "png_pipe", "threads": 1}),
		"scale", "out_color_matrix", "bt709", "out_range", "tv")
	logo = filter(logo, "format", "pix_fmts", "yuva420p")
	picture := picture(in.Get(strconv.Itoa(pl.video.index)), pl)
	picture = picture.Overlay(logo, "repeat", fg.KwArgs{
		"x": fmt.Sprintf("W-w-%d", watermarkMargin), "y": watermarkMargin, "format": "yuv420",
	})
	fork := picture.Split()

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

// picture is the way from a decoded frame to 1280×720, without the watermark.
func picture(s *fg.Stream, pl plan) *fg.Stream {
	g, col := pl.geometry, pl.color
	if pl.video.interlaced {
		s = filter(s, "bwdif", "mode", "send_frame", "deint", "all")
	}
	// Dropping frames first spares scaling them. start_time holds the first picture from 0 on when the video starts late.
	s = filter(s, "fps", "fps", pl.rate.String(), "start_time", 0)
	s = scaled(s, g, col)
	transpose, hflip, vflip := g.turn.filters()
	if transpose != "" {
		s = filter(s, "transpose", "dir", transpose)
	}
	if hflip {
		s = filter(s, "hflip")
	}
	if vflip {
		s = filter(s, "vflip")
	}
	s = filter(s, "setsar", "sar", 1)
	if g.width != outWidth || g.height != outHeight {
		s = filter(s, "pad", "w", outWidth, "h", outHeight, "x", g.padX, "y", g.padY)
	}
	return s
}

func scaled(s *fg.Stream, g geometry, col colorPlan) *fg.Stream {
	size := []any{"w", g.scaleW, "h", g.scaleH, "flags", "bicubic"}
	if !col.wide {
		opts := append(size, "out_color_matrix", "bt709", "out_range", "tv", "in_range", col.rng)
		if !col.rgb {
			opts = append(opts, "in_color_matrix", col.matrix)
		}
		return filter(filter(s, "scale", opts...), "format", "pix_fmts", "yuv420p")
	}
	return wideToSDR(filter(s, "scale", size...), col)
}
