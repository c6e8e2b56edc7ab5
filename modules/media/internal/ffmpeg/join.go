package ffmpeg

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	fg "github.com/u2takey/ffmpeg-go"
)

// join puts intro, clip and outro into one file. The picture is copied. The sound is encoded here, once and over the
// whole length: joining encoded AAC would add its priming samples, 21 ms, at every seam.
func (p *Processor) join(ctx context.Context, pl plan, b bumpers, c clip) (string, error) {
	list := filepath.Join(pl.input.Dir, "parts.txt")
	text := concatList(pl.rate, part{b.intro, b.introFrames}, part{c.video, c.frames}, part{b.outro, b.outroFrames})
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		return "", &ToolError{Step: "join", Err: err}
	}
	out := filepath.Join(pl.input.Dir, "video.mp4")
	streams := []*fg.Stream{localInput(list, fg.KwArgs{"f": "concat", "safe": 0}).Video()}
	if !c.silent() {
		l, err := readLoudness(c.loudness)
		if err != nil {
			return "", &ToolError{Step: "join", Err: err}
		}
		streams = append(streams, p.placed(localInput(c.sound, fg.KwArgs{"f": "wav"}).Audio(), pl.rate, b, c, l.gain()))
	}
	args, err := build(fg.Output(streams, out, fg.KwArgs{
		"c:v": "copy", "c:a": "aac", "b:a": "128k", "movflags": "+faststart", "f": "mp4",
		"video_track_timescale": timescale, "map_metadata": -1, "map_chapters": -1,
		"fflags": "+bitexact", "flags:a": "+bitexact",
	}))
	if err != nil {
		return "", &ToolError{Step: "join", Err: err}
	}
	budget := forOurOwn()
	// Bumpers and sound are added to a clip that may have used all its bytes.
	budget.outputBytes = 2 * p.limits.forClip(pl.length).outputBytes
	err = p.run(ctx, command{
		step: "join", path: p.ffmpeg, args: args, read: b.files(), write: []string{pl.input.Dir},
		budget: budget,
	})
	if err != nil {
		return "", err
	}
	if err := os.Remove(list); err != nil {
		return "", &ToolError{Step: "join", Err: err}
	}
	return out, nil
}

// placed applies the gain (in dB) to the clip's sound s and shifts it to where the clip is, with silence under the
// bumpers. Fades of 10 ms prevent clicks at the cuts.
func (p *Processor) placed(s *fg.Stream, r rational, b bumpers, c clip, gain float64) *fg.Stream {
	at := func(frames int) int {
		return int(math.Round(float64(frames) * float64(r.den) / float64(r.num) * sampleRate))
	}
	const fade = sampleRate / 100
	length := at(c.frames)
	s = filter(s, "atrim", "end_sample", length)
	s = filter(s, "volume", "volume", fmt.Sprintf("%.2fdB", gain), "precision", "float")
	s = filter(s, "afade", "type", "in", "ns", fade)
	s = filter(s, "afade", "type", "out", "ss", max(0, length-fade), "ns", fade)
	s = filter(s, "adelay", "delays", fmt.Sprintf("%dS", at(b.introFrames)), "all", 1)
	return filter(s, "apad", "whole_len", at(b.introFrames+c.frames+b.outroFrames))
}

type part struct {
	file   string
	frames int
}

// concatList names the parts for ffmpeg's concat demuxer, without those that have no frames. It states their durations, because the demuxer reads them in
// microseconds, and a part that is off by one would shift all that follow.
func concatList(r rational, parts ...part) string {
	var sb strings.Builder
	sb.WriteString("ffconcat version 1.0\n")
	for _, pt := range parts {
		if pt.frames == 0 {
			continue
		}
		name := strings.ReplaceAll(pt.file, "'", `'\''`)
		fmt.Fprintf(&sb, "file '%s'\nduration %s\n", name, seconds(r.span(pt.frames).Seconds()))
	}
	return sb.String()
}
