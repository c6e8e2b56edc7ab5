package ffmpeg

import (
	"bytes"
	"image/color"
	"slices"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// A phone that is turned, a call that switches to the screen, an archive of mixed tapes: the pictures of one clip have
// several shapes, and none is stretched.
func TestEachPictureIsFittedAnew(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	part := func(size string, args ...string) []byte {
		return readClip(t, "part.ts", slices.Concat(
			quarters(size, "30", 0.5), h264("-bf", "0", "-colorspace", "bt709"), args)...)
	}
	joined := func(ext string, parts ...[]byte) string {
		stream := writeFile(t, "joined.ts", bytes.Join(parts, nil))
		return cliptest.Make(t, "in"+ext, "-i", stream, "-c", "copy")
	}
	upright, wide := part("180x320"), part("320x180")
	clockwise4 := [4]color.RGBA{blue, red, yellow, green}
	fields := func(size, ratio string) []byte {
		return part(size, "-vf", "setsar="+ratio+",tinterlace=interleave_top,fieldorder=tff", "-flags", "+ilme+ildct",
			"-x264-params", "tff=1")
	}
	for _, c := range []struct {
		name   string
		file   string
		w1, h1 int
		w2, h2 int
		matrix [4]int32
		want   [4]color.RGBA
	}{
		{name: "upright, then wide", file: joined(".mkv", upright, wide), w1: 404, h1: 720, w2: 1280, h2: 720},
		{name: "wide, then upright", file: joined(".mkv", wide, upright), w1: 1280, h1: 720, w2: 404, h2: 720},
		{name: "wide, then upright in MP4", file: joined(".mp4", wide, upright), w1: 1280, h1: 720, w2: 404, h2: 720},
		{name: "larger", file: joined(".mkv", wide, part("640x480")), w1: 1280, h1: 720, w2: 960, h2: 720},
		{
			name: "other samples", file: joined(".mkv", wide, part("180x320", "-pix_fmt", "yuv444p")),
			w1: 1280, h1: 720, w2: 404, h2: 720,
		},
		{
			name: "interlaced", file: joined(".mkv", fields("180x144", "16/15"), fields("96x72", "16/15")),
			w1: 960, h1: 720, w2: 1024, h2: 720,
		},
		{
			name: "interlaced, pixels unknown", file: joined(".mkv", fields("192x144", "0"), fields("192x108", "0")),
			w1: 960, h1: 720, w2: 1280, h2: 720,
		},
		{
			name: "turned by the header", file: joined(".mp4", wide, upright), matrix: [4]int32{0, 1, -1, 0},
			want: clockwise4, w1: 404, h1: 720, w2: 1280, h2: 720,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file, want := c.file, upright4
			if c.matrix != [4]int32{} {
				whole := readClip(t, "in.mp4", "-i", c.file, "-c", "copy")
				file, want = writeFile(t, "in.mp4", setMatrix(t, whole, c.matrix)), c.want
			}
			r := mustProcess(t, p, jobFor(t, file))
			rate := inspect(t, r.Video).stream("video").RRate
			frames := parseRational(rate)
			at := func(d time.Duration) int { return frames.frames(briefBumper) + frames.frames(d) }
			total := r.Duration - 2*briefBumper
			pictures := checkClean(t, r, rate, false, at(total/4), at(total*3/4))
			checkQuarters(t, pictures[0], c.w1, c.h1, want)
			checkQuarters(t, pictures[1], c.w2, c.h2, want)
		})
	}
}
