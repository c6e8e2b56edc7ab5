package ffmpeg

import (
	"fmt"
	"time"

	fg "github.com/u2takey/ffmpeg-go"
)

// The profile of every rendition. Bumpers and clip are encoded from the same values, so that they join by stream copy.
const (
	outWidth, outHeight = 1280, 720
	sampleRate          = 48000
	bumperLength        = 2500 * time.Millisecond
)

// watermarkMargin is the distance of the built-in watermark from the top edge and from the right edge, in pixels.
// assets/branding/README.md tells the designers, and a test compares the two.
const watermarkMargin = 10

// WatermarkCorner is where the built-in watermark lies: at the top right. x and y are expressions of ffmpeg's overlay filter.
func WatermarkCorner() (x, y string) {
	return fmt.Sprintf("W-w-%d", watermarkMargin), fmt.Sprint(watermarkMargin)
}

// outputRates are the frame rates of renditions. One set of bumpers exists for each.
func outputRates() []rational {
	return []rational{{24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}}
}

// timescale has a whole number of ticks per frame at each of outputRates.
const timescale = 120000

// stitchable keeps x264 from adapting the sequence and picture headers to the content: with one header per file,
// streams with different ones could not be joined.
const stitchable = "stitchable=1"

// videoArgs are the encoder's parameters, the same for clip and bumpers.
func (p *Processor) videoArgs(r rational) fg.KwArgs {
	return fg.KwArgs{
		"c:v": "libx264", "preset": "veryfast", "crf": 23, "profile:v": "high", "level": "3.1", "pix_fmt": "yuv420p",
		"g": int(2 * r.float()), "r": r.String(), "x264-params": stitchable, "threads": p.threads,
		"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv",
		"video_track_timescale": timescale, "movie_timescale": timescale, "f": "mp4",
		"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact",
	}
}
