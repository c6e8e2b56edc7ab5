package ffmpeg

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// needs are what a build of ffmpeg must offer for every run of ours; wants are formats that contestants send, which a
// build may lack at the cost of refusing those clips.
var (
	needs = map[string][]string{
		"-filters": {
			"adelay", "afade", "aformat", "ametadata", "apad", "aresample", "atrim", "bwdif", "crop", "ebur128", "fade", "format", "fps",
			"hflip", "loop", "overlay", "pad", "rotate", "scale", "select", "setsar", "split", "tonemap", "transpose", "vflip", "volume",
			"zscale",
		},
		"-encoders": {"libx264", "aac", "mjpeg", "pcm_f32le", "rawvideo"},
		"-demuxers": {"mov", "matroska", "concat", "wav", "image2", "png_pipe"},
		"-muxers":   {"mp4", "wav", "image2", "rawvideo"},
	}
	wants = map[string][]string{
		"-decoders": {"h264", "hevc", "vp8", "vp9", "libdav1d", "prores", "mpeg4", "mjpeg", "aac", "mp3", "opus", "vorbis", "pcm_s16le"},
	}
)

// Tools is what Inspect finds out.
type Tools struct {
	Version  string
	Missing  []string // without these no clip can be processed
	Lacking  []string // without these some clips are refused
	Isolated bool     // whether runs on local files have no network
	Capped   bool     // whether the kernel caps the CPU time, the memory and the file size of a run
}

// Inspect asks the installed ffmpeg what it can do.
func (p *Processor) Inspect(ctx context.Context) (Tools, error) {
	tools := Tools{Isolated: p.isolated, Capped: capped}
	out, err := p.ask(ctx, "-version")
	if err != nil {
		return tools, err
	}
	tools.Version, _, _ = strings.Cut(strings.TrimPrefix(out, "ffmpeg version "), " ")
	for list, names := range needs {
		if tools.Missing, err = p.absent(ctx, list, names, tools.Missing); err != nil {
			return tools, err
		}
	}
	for list, names := range wants {
		if tools.Lacking, err = p.absent(ctx, list, names, tools.Lacking); err != nil {
			return tools, err
		}
	}
	return tools, nil
}

// absent adds the names that a list of ffmpeg's does not have. Its lines are flags, one or several names, a description.
func (p *Processor) absent(ctx context.Context, list string, names, to []string) ([]string, error) {
	out, err := p.ask(ctx, list)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 1 {
			for name := range strings.SplitSeq(fields[1], ",") {
				have[name] = true
			}
		}
	}
	for _, name := range names {
		if !have[name] {
			to = append(to, strings.TrimSuffix(list[1:], "s")+" "+name)
		}
	}
	return to, nil
}

func (p *Processor) ask(ctx context.Context, what string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, p.ffmpeg, "-hide_banner", what).Output()
	if err != nil {
		return "", fmt.Errorf("ask ffmpeg for its %s: %w", strings.TrimPrefix(what, "-"), err)
	}
	return string(out), nil
}
