package ffmpeg

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	fg "github.com/u2takey/ffmpeg-go"
)

// seam is a rendition to join: what stands before, in and after the clip.
type seam struct {
	intro, clip, outro string
	out                string
	sound              string // bits per second
}

// seams returns the renditions of a clip, the big one first.
func (c clip) seams(dir string, big, small bumpers) []seam {
	all := []seam{{big.intro, c.video, big.outro, filepath.Join(dir, "video.mp4"), bigSound}}
	if c.small != "" {
		all = append(all, seam{small.intro, c.small, small.outro, filepath.Join(dir, "small.mp4"), smallSound})
	}
	return all
}

// join puts intro, clip and outro into one file for each rendition. The picture is copied. The sound is encoded here,
// once and over the whole length: joining encoded AAC would add its priming samples, 21 ms, at every seam. The bumpers
// b have the lengths of all.
func (p *Processor) join(ctx context.Context, pl plan, b bumpers, c clip, seams []seam) error {
	var sound *fg.Node
	if c.sound != "" {
		samples := localInput(c.sound, fg.KwArgs{"f": "wav"}).Audio()
		sound = p.placed(samples, pl.rate, b, c, c.loudness.gain()).ASplit()
	}
	var outputs []*fg.Stream
	var lists, read []string
	for i, s := range seams {
		list := filepath.Join(pl.input.Dir, fmt.Sprintf("parts-%d.txt", i))
		parts := concatList(pl.rate,
			part{s.intro, b.introFrames}, part{s.clip, c.frames}, part{s.outro, b.outroFrames})
		if err := os.WriteFile(list, []byte(parts), 0o600); err != nil {
			return &ToolError{Step: "join", Err: err}
		}
		lists = append(lists, list)
		for _, bumper := range []string{s.intro, s.outro} {
			if bumper != "" {
				read = append(read, bumper)
			}
		}
		streams := []*fg.Stream{localInput(list, fg.KwArgs{"f": "concat", "safe": 0}).Video()}
		if sound != nil {
			streams = append(streams, sound.Get(strconv.Itoa(i)))
		}
		outputs = append(outputs, fg.Output(streams, s.out, fg.KwArgs{
			"c:v": "copy", "c:a": "aac", "b:a": s.sound, "movflags": "+faststart", "f": "mp4",
			"video_track_timescale": timescale, "map_metadata": -1, "map_chapters": -1,
			"fflags": "+bitexact", "flags:a": "+bitexact",
		}))
	}
	args, err := build(outputs...)
	if err != nil {
		return &ToolError{Step: "join", Err: err}
	}
	budget := forOurOwn()
	// Bumpers and sound are added to a clip that may have used all its bytes.
	budget.outputBytes = 2 * p.limits.forClip(pl.length).outputBytes
	err = p.run(ctx, command{
		step: "join", path: p.ffmpeg, args: args, read: read, write: []string{pl.input.Dir}, budget: budget,
	})
	if err != nil {
		return err
	}
	for _, list := range lists {
		if err := os.Remove(list); err != nil {
			return &ToolError{Step: "join", Err: err}
		}
	}
	return nil
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

// concatList names the parts for ffmpeg's concat demuxer, without those that have no frames. It states their durations,
// because the demuxer reads them in microseconds, and a part that is off by one would shift all that follow.
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
