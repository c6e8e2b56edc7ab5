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

	// The small rendition is for phones on a bad line: with its sound, 35 s of anything take at most 2.5 MB.
	smallLong, smallShort = 640, 360
	bigSound, smallSound  = "128k", "64k"
)

// SmallPeak is the highest bit rate of the small rendition's picture, as ffmpeg reads it; its buffer lasts a second.
const SmallPeak = "480k"

// SmallFrame is the size of the small rendition, as ffmpeg's scale filter reads it.
func SmallFrame(upright bool) string {
	if upright {
		return fmt.Sprintf("%d:%d", smallShort, smallLong)
	}
	return fmt.Sprintf("%d:%d", smallLong, smallShort)
}

// size is that of a picture in pixels.
type size struct{ width, height int }

func bigSize() size { return size{outWidth, outHeight} }

func (s size) big() bool { return s == bigSize() }

func (s size) tall() bool { return s.height > s.width }

func (s size) String() string { return fmt.Sprintf("%dx%d", s.width, s.height) }

// watermarkMargin is the distance of the built-in watermark from the top edge and from the right edge, in pixels.
// assets/branding/README.md tells the designers, and a test compares the two.
const watermarkMargin = 10

// WatermarkCorner is where the built-in watermark lies: at the top right. x and y are expressions of ffmpeg's overlay
// filter.
func WatermarkCorner() (x, y string) { return builtInWatermark("").corner(bigSize()) }

// outputRates are the frame rates of renditions. One set of bumpers exists for each.
func outputRates() []rational {
	return []rational{{24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}}
}

// timescale has a whole number of ticks per frame at each of outputRates.
const timescale = 120000

// x264Params keep x264 from adapting the sequence and picture headers to the content (stitchable): with one header per
// file, streams with different ones could not be joined. They also leave out two searches that cost a tenth of
// veryfast's time and gain nothing (infra/load/README.md): for 8×8 blocks in B frames, and for 4×4 blocks that are
// predicted within a P or B frame.
const x264Params = "stitchable=1:partitions=p8x8,i8x8"

// videoArgs are the encoder's parameters, the same for clip and bumpers.
func (p *Processor) videoArgs(r rational, s size) fg.KwArgs {
	args := fg.KwArgs{
		"c:v": "libx264", "preset": "veryfast", "crf": 23, "profile:v": "high", "level": "3.1", "pix_fmt": "yuv420p",
		"g": int(2 * r.float()), "r": r.String(), "x264-params": x264Params, "threads": p.threads,
		"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv",
		"video_track_timescale": timescale, "movie_timescale": timescale, "f": "mp4",
		"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact",
	}
	if !s.big() {
		args["level"], args["maxrate"], args["bufsize"] = "3.0", SmallPeak, SmallPeak
	}
	return args
}
