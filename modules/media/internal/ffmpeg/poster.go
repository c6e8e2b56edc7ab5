package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	fg "github.com/u2takey/ffmpeg-go"
)

// candidates are the pictures that the poster is chosen from: nine of the clip itself, evenly spread, so never the
// intro. The picture with the most contrast and the most fine detail wins. One that is nearly black, nearly white or
// flat counts a twentieth.
type candidates struct {
	file  string // the pictures of 1280×720 in 4:2:0, one after another
	grey  string // their small copies
	every int    // frames between two
	area  geometry
}

const (
	posterCount             = 8 // beside the first frame
	thumbWidth, thumbHeight = 320, 180
	candidateBytes          = outWidth * outHeight * 3 / 2
)

// posterSize is one of the sizes of a poster and how many bytes it may have, so that a page with many stays light.
type posterSize struct {
	width, height int
	most          int64
}

func posterSizes() [3]posterSize {
	return [3]posterSize{{outWidth, outHeight, 90_000}, {640, 360, 40_000}, {320, 180, 15_000}}
}

// posterQualities are quantisers of JPEG, the best first. Even noise fits at the last.
func posterQualities() []int { return []int{3, 5, 8, 12, 20, 31, 60} }

func newCandidates(pl plan) candidates {
	return candidates{
		file:  filepath.Join(pl.input.Dir, "candidates.yuv"),
		grey:  filepath.Join(pl.input.Dir, "candidates.gray"),
		every: (pl.frames() + posterCount - 1) / posterCount,
		area:  pl.geometry,
	}
}

// outputs branches the candidates off the stream of finished pictures, with a small grey copy of each, on which the
// choice is made. The first frame is one of them, for a clip that turns out far shorter than stated.
func (c candidates) outputs(s *fg.Stream) []*fg.Stream {
	every := max(c.every, 1)
	s = filter(s, "select", "expr", fmt.Sprintf("eq(n,0)+eq(mod(n,%d),%d)", every, every/2))
	fork := s.Split()
	// JFIF means BT.601 in full range.
	full := filter(fork.Get("0"), "scale",
		"in_color_matrix", "bt709", "out_color_matrix", "bt601", "in_range", "tv", "out_range", "pc")
	full = filter(full, "format", "pix_fmts", "yuvj420p")
	// The bars are not judged.
	small := filter(fork.Get("1"), "crop",
		"w", c.area.width, "h", c.area.height, "x", c.area.padX, "y", c.area.padY)
	small = filter(small, "scale", "w", thumbWidth, "h", thumbHeight, "flags", "area")
	small = filter(small, "format", "pix_fmts", "gray")
	raw := fg.KwArgs{"c:v": "rawvideo", "f": "rawvideo", "fps_mode": "passthrough", "threads": 1}
	return []*fg.Stream{full.Output(c.file, raw), small.Output(c.grey, raw)}
}

// posters makes the posters of the best candidate, each in the best quality that fits into its bytes, and removes the
// candidates.
func (p *Processor) posters(ctx context.Context, dir string, c candidates) (posters [3]Rendition, err error) {
	best, err := bestThumb(c.grey)
	if err != nil {
		return posters, &ToolError{Step: "poster", Err: err}
	}
	name := func(s posterSize, quality int) string {
		return filepath.Join(dir, fmt.Sprintf("poster-%d-%d.jpg", s.width, quality))
	}
	picture := localInput(c.file, fg.KwArgs{
		"f": "rawvideo", "pixel_format": "yuvj420p", "video_size": bigSize().String(),
		"skip_initial_bytes": best * candidateBytes,
	}).Video().Split()
	var outputs []*fg.Stream
	for _, s := range posterSizes() {
		full := picture.Get(fmt.Sprint(s.width))
		scaled := filter(full, "scale", "w", s.width, "h", s.height, "flags", "area").Split()
		for _, quality := range posterQualities() {
			outputs = append(outputs, scaled.Get(fmt.Sprint(quality)).Output(name(s, quality), fg.KwArgs{
				"c:v": "mjpeg", "qmin": 1, "qmax": 69, "q:v": quality, "f": "image2", "update": 1, "frames:v": 1,
				"map_metadata": -1, "threads": 1, "fflags": "+bitexact", "flags:v": "+bitexact",
			}))
		}
	}
	args, err := build(outputs...)
	if err != nil {
		return posters, &ToolError{Step: "poster", Err: err}
	}
	err = p.run(ctx, command{
		step: "poster", path: p.ffmpeg, args: args, write: []string{dir}, budget: forOurOwn(),
	})
	if err != nil {
		return posters, err
	}
	errs := []error{os.Remove(c.file), os.Remove(c.grey)}
	for i, s := range posterSizes() {
		var err error
		posters[i], err = s.keepBest(name)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return posters, &ToolError{Step: "poster", Err: err}
	}
	return posters, nil
}

// keepBest removes the posters of this size but the best that fits. name returns the file of a quality.
func (s posterSize) keepBest(name func(s posterSize, quality int) string) (kept Rendition, err error) {
	qualities := posterQualities()
	for i, quality := range qualities {
		file := name(s, quality)
		st, statErr := os.Stat(file)
		switch {
		case statErr != nil:
			err = errors.Join(err, statErr)
		case kept.File == "" && (st.Size() <= s.most || i == len(qualities)-1):
			kept = Rendition{file, s.width, s.height}
		default:
			err = errors.Join(err, os.Remove(file))
		}
	}
	return kept, err
}

// bestThumb returns the index of the best grey copy.
func bestThumb(file string) (best int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, fmt.Errorf("open candidates: %w", err)
	}
	defer f.Close()
	count, top := 0, math.Inf(-1)
	for {
		thumb := make([]byte, thumbWidth*thumbHeight)
		if _, err := io.ReadFull(f, thumb); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, fmt.Errorf("read candidates: %w", err)
		}
		if s := score(thumb, thumbWidth); s > top {
			top, best = s, count
		}
		count++
	}
	if count == 0 {
		return 0, errors.New("no candidates for the poster")
	}
	return best, nil
}

// score rates a grey picture: its contrast (standard deviation) times the root of its detail (mean absolute Laplacian).
// Noise in the dark has detail but no contrast, a blurred face has contrast but no detail.
func score(pix []byte, width int) float64 {
	var sum, sq float64
	for _, v := range pix {
		sum += float64(v)
		sq += float64(v) * float64(v)
	}
	n := float64(len(pix))
	mean := sum / n
	deviation := math.Sqrt(max(0, sq/n-mean*mean))
	var detail float64
	for i := width; i < len(pix)-width; i++ {
		l := 4*int(pix[i]) - int(pix[i-1]) - int(pix[i+1]) - int(pix[i-width]) - int(pix[i+width])
		detail += math.Abs(float64(l))
	}
	s := deviation * math.Sqrt(detail/n)
	if mean < 32 || mean > 224 || deviation < 10 {
		s *= 0.05
	}
	return s
}
