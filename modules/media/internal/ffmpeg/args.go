package ffmpeg

import (
	"fmt"
	"strconv"

	fg "github.com/u2takey/ffmpeg-go"
)

// build turns a graph of outputs into an argument list. ffmpeg-go panics on a graph that makes no sense; that must not end
// the worker.
func build(outputs ...*fg.Stream) (args []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			args, err = nil, fmt.Errorf("build ffmpeg arguments: %v", r)
		}
	}()
	s := outputs[0]
	if len(outputs) > 1 {
		s = fg.MergeOutputs(outputs...)
	}
	return append([]string{
		"-nostdin", "-hide_banner", "-v", "error", "-y", "-progress", "pipe:1", "-nostats", "-stats_period", "0.25",
		// Slicing a 720p picture between threads costs more than it saves.
		"-filter_threads", "1", "-filter_complex_threads", "1",
	}, s.GetArgs()...), nil
}

// localInput opens a file of ours.
func localInput(path string, more fg.KwArgs) *fg.Stream {
	return fg.Input(path, fg.KwArgs{"protocol_whitelist": "file"}, more)
}

// videoArgs are the encoder's parameters, the same for clip and bumpers. stitchable keeps x264 from tuning the sequence
// and picture headers to the content: with one header per file, streams with differing ones could not be joined.
func (p *Processor) videoArgs(r rational) fg.KwArgs {
	return fg.KwArgs{
		"c:v": "libx264", "preset": "veryfast", "crf": 23, "profile:v": "high", "level": "3.1", "pix_fmt": "yuv420p",
		"g": int(2 * r.float()), "r": r.String(), "x264-params": stitchable, "threads": p.threads,
		"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv",
		"video_track_timescale": timescale, "movie_timescale": timescale, "f": "mp4",
		"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact",
	}
}

const stitchable = "stitchable=1"

// timescale has a whole number of ticks per frame at each of outputRates.
const timescale = 120000

// filter adds one filter; kv are its options, name and value in turn.
func filter(s *fg.Stream, name string, kv ...any) *fg.Stream {
	args := fg.KwArgs{}
	for i := 0; i+1 < len(kv); i += 2 {
		args[fmt.Sprint(kv[i])] = kv[i+1]
	}
	return s.Filter(name, nil, args)
}

func seconds(d float64) string { return strconv.FormatFloat(d, 'f', 6, 64) }
