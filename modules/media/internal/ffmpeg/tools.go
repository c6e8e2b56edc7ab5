package ffmpeg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// required is what every run needs from a build of ffmpeg. commonDecoders are for the formats that contestants send;
// with a build that lacks one, such clips are rejected.
var (
	required = map[string][]string{
		"-filters": {
			"adelay", "afade", "aformat", "ametadata", "anull", "anullsink", "apad", "aresample", "asplit", "atrim",
			"bwdif", "crop", "ebur128", "fade", "format", "fps", "hflip", "loop", "overlay", "pad", "pan",
			"premultiply", "rotate", "scale", "select", "setsar", "split", "tonemap", "tpad", "transpose", "trim",
			"vflip", "volume", "zscale",
		},
		"-encoders": {"libx264", "aac", "mjpeg", "pcm_f32le", "pcm_s16le", "rawvideo"},
		"-demuxers": {"mov", "matroska", "concat", "wav", "image2", "png_pipe", "rawvideo"},
		"-muxers":   {"mov", "mp4", "matroska", "wav", "image2", "rawvideo", "framecrc", "null"},
	}
	commonDecoders = []string{
		"h264", "hevc", "vp8", "libvpx", "vp9", "libvpx-vp9", "libdav1d", "prores", "mpeg4", "mjpeg",
		"aac", "mp3", "opus", "vorbis", "pcm_s16le",
	}
)

// Tools is what Inspect finds.
type Tools struct {
	Version         string
	Missing         []string // without these no clip can be processed
	MissingDecoders []string // without these some clips are rejected
	InParts         bool     // whether only the needed parts of an original elsewhere are fetched, and not all of it
}

// oldest is the oldest version that is tested: major and minor.
var oldest = [2]int{5, 1}

// Err says why the installed ffmpeg cannot process any clip. It accepts versions that do not begin with a number, as
// those of builds from the middle of a development.
func (t Tools) Err() error {
	var major, minor int
	if n, _ := fmt.Sscanf(t.Version, "%d.%d", &major, &minor); n == 2 {
		if major < oldest[0] || major == oldest[0] && minor < oldest[1] {
			return fmt.Errorf("ffmpeg %s is too old; install %d.%d or later", t.Version, oldest[0], oldest[1])
		}
	}
	if len(t.Missing) > 0 {
		return fmt.Errorf("ffmpeg %s lacks %s; install a full build", t.Version, strings.Join(t.Missing, ", "))
	}
	return nil
}

// Inspect asks the installed ffmpeg what it can do.
func (p *Processor) Inspect(ctx context.Context) (Tools, error) {
	tools := Tools{Version: versionIn(p.version), InParts: p.waits}
	for list, names := range required {
		missing, err := p.missing(ctx, list, names)
		if err != nil {
			return tools, err
		}
		tools.Missing = append(tools.Missing, missing...)
	}
	var err error
	tools.MissingDecoders, err = p.missing(ctx, "-decoders", commonDecoders)
	return tools, err
}

// Check returns the version of the installed ffmpeg, or an error if it cannot process any clip. It inspects each build
// once: the cache folder remembers which one is complete.
func (p *Processor) Check(ctx context.Context) (version string, err error) {
	key := sha256.Sum256(fmt.Appendln(nil, p.ffmpeg, p.version, oldest, required))
	complete := filepath.Join(p.cacheDir, hex.EncodeToString(key[:8])+"-complete")
	if _, err := os.Stat(complete); err == nil {
		return versionIn(p.version), nil
	}
	tools, err := p.Inspect(ctx)
	if err == nil {
		err = tools.Err()
	}
	if err != nil {
		return "", err
	}
	_ = os.WriteFile(complete, nil, 0o644) // if that fails, the next start inspects it again
	return tools.Version, nil
}

// Version asks the ffmpeg on the PATH for its version.
func Version(ctx context.Context) (string, error) {
	path, err := program("", "ffmpeg")
	if err != nil {
		return "", err
	}
	out, err := (&Processor{ffmpeg: path}).ask(ctx, "-version")
	return versionIn(out), err
}

func versionIn(out string) string {
	version, _, _ := strings.Cut(strings.TrimPrefix(out, "ffmpeg version "), " ")
	return version
}

// missing returns the names that are not in one of ffmpeg's lists. A line of a list has flags, one or several names and
// a description.
func (p *Processor) missing(ctx context.Context, list string, names []string) (missing []string, err error) {
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
			missing = append(missing, strings.TrimSuffix(list[1:], "s")+" "+name)
		}
	}
	return missing, nil
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
