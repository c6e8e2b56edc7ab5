package ffmpeg

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	fg "github.com/u2takey/ffmpeg-go"
)

// candidates are the pictures that the poster is chosen from: nine of the clip itself, evenly spread, so never the
// intro. Beside each JPEG the pass writes a small grey copy, on which the choice is made: the picture with the most
// contrast and the most fine detail wins. One that is nearly black, nearly white or flat counts a twentieth.
type candidates struct {
	pattern string // of the JPEGs, as image2 numbers them from 1
	grey    string // the small copies, one after another
	every   int    // frames between two
	area    geometry
}

const (
	posterCount             = 8 // beside the first frame
	thumbWidth, thumbHeight = 320, 180
)

func newCandidates(pl plan) candidates {
	return candidates{
		// image2 reads % in a folder's name as a directive too.
		pattern: filepath.Join(strings.ReplaceAll(pl.input.Dir, "%", "%%"), "candidate-%d.jpg"),
		grey:    filepath.Join(pl.input.Dir, "candidates.gray"),
		every:   (pl.frames() + posterCount - 1) / posterCount,
		area:    pl.geometry,
	}
}

// outputs branches the candidates off the stream of finished pictures. The first frame is one of them, for a clip that
// turns out far shorter than stated.
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
	return []*fg.Stream{
		full.Output(c.pattern, fg.KwArgs{
			"c:v": "mjpeg", "q:v": 3, "f": "image2", "fps_mode": "passthrough", "map_metadata": -1, "threads": 1,
		}),
		small.Output(c.grey, fg.KwArgs{"c:v": "rawvideo", "f": "rawvideo", "fps_mode": "passthrough", "threads": 1}),
	}
}

// choosePoster keeps the best candidate as poster.jpg and removes the others.
func choosePoster(dir string, c candidates) (string, error) {
	best, count, err := bestThumb(c.grey)
	if err != nil {
		return "", &ToolError{Step: "poster", Err: err}
	}
	poster := filepath.Join(dir, "poster.jpg")
	var errs []error
	for i := range count {
		name := filepath.Join(dir, fmt.Sprintf("candidate-%d.jpg", i+1))
		if i == best {
			errs = append(errs, os.Rename(name, poster))
		} else {
			errs = append(errs, os.Remove(name))
		}
	}
	errs = append(errs, os.Remove(c.grey))
	if err := errors.Join(errs...); err != nil {
		return "", &ToolError{Step: "poster", Err: err}
	}
	return poster, nil
}

// bestThumb returns the index of the best grey copy and how many there are.
func bestThumb(file string) (best, count int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, fmt.Errorf("open candidates: %w", err)
	}
	defer f.Close()
	top := math.Inf(-1)
	for {
		thumb := make([]byte, thumbWidth*thumbHeight)
		if _, err := io.ReadFull(f, thumb); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, 0, fmt.Errorf("read candidates: %w", err)
		}
		if s := score(thumb, thumbWidth); s > top {
			top, best = s, count
		}
		count++
	}
	if count == 0 {
		return 0, 0, errors.New("no candidates for the poster")
	}
	return best, count, nil
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
