package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
)

// rendition is a published clip.
type rendition struct {
	path    string
	content []byte
}

const (
	frameWidth, frameHeight = 1280, 720
	introSeconds            = 2.5
	bumperSeconds           = 5
)

// probeResult is the part of ffprobe's output that the tests check.
type probeResult struct {
	Streams []struct {
		Type       string `json:"codec_type"`
		Codec      string `json:"codec_name"`
		Profile    string
		Width      int
		Height     int
		PixFmt     string `json:"pix_fmt"`
		SAR        string `json:"sample_aspect_ratio"`
		Rate       string `json:"r_frame_rate"`
		Average    string `json:"avg_frame_rate"`
		SampleRate string `json:"sample_rate"`
		Channels   int
	}
	Format struct{ Duration string }
}

func (r rendition) probe(t *testing.T) probeResult {
	t.Helper()
	args := []string{"-v", "error", "-show_streams", "-show_format", "-of", "json", r.path}
	out, err := exec.CommandContext(t.Context(), "ffprobe", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var p probeResult
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (r rendition) duration(t *testing.T) float64 {
	t.Helper()
	seconds, err := strconv.ParseFloat(r.probe(t).Format.Duration, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}

// wantProfile fails the test unless the rendition meets the processing profile; seconds is the length of its content
// without the bumpers.
func (r rendition) wantProfile(t *testing.T, seconds float64, sound bool) {
	t.Helper()
	p := r.probe(t)
	streams := 1
	if sound {
		streams = 2
	}
	if len(p.Streams) != streams {
		t.Fatalf("%d streams, want %d", len(p.Streams), streams)
	}
	for _, s := range p.Streams {
		switch s.Type {
		case "video":
			if s.Codec != "h264" || s.Profile != "High" || s.PixFmt != "yuv420p" || s.Width != frameWidth ||
				s.Height != frameHeight || s.SAR != "1:1" || s.Rate != s.Average || s.Rate != "30/1" {
				t.Errorf("the video stream is %+v", s)
			}
		case "audio":
			if s.Codec != "aac" || s.SampleRate != "48000" || s.Channels != 2 {
				t.Errorf("the audio stream is %+v", s)
			}
		}
	}
	if got := r.duration(t); got < seconds+bumperSeconds-0.3 || got > seconds+bumperSeconds+0.1 {
		t.Errorf("the rendition lasts %g s, want %g and the bumpers", got, seconds)
	}
	moov, mdat := bytes.Index(r.content, []byte("moov")), bytes.Index(r.content, []byte("mdat"))
	if moov < 0 || moov > mdat {
		t.Errorf("moov is at %d, mdat at %d: playback cannot begin before the whole file is loaded", moov, mdat)
	}
}

// picture is one frame, with three bytes per pixel: red, green, blue.
type picture []byte

func (p picture) at(x, y int) (r, g, b int) {
	i := 3 * (y*frameWidth + x)
	return int(p[i]), int(p[i+1]), int(p[i+2])
}

func (p picture) isWhite(x, y int) bool { r, g, b := p.at(x, y); return r > 200 && g > 200 && b > 200 }

func (p picture) isBlue(x, y int) bool { r, g, b := p.at(x, y); return r < 60 && g < 60 && b > 190 }

func (p picture) isBlack(x, y int) bool { r, g, b := p.at(x, y); return r < 16 && g < 16 && b < 16 }

// frame decodes the picture at a time of the rendition.
func (r rendition) frame(t *testing.T, second float64) picture {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-ss", fmt.Sprint(second), "-i", r.path,
		"-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-").Output()
	if err != nil || len(out) != 3*frameWidth*frameHeight {
		t.Fatalf("the frame at %g s has %d bytes (%v)", second, len(out), err)
	}
	return out
}

// wantIntro fails the test unless the rendition begins with an intro: pictures without the blue of the clip's content,
// and not of a single color.
func (r rendition) wantIntro(t *testing.T) {
	t.Helper()
	for _, second := range []float64{0, 1.5} {
		p := r.frame(t, second)
		blue, shades := 0, map[[3]int]bool{}
		for y := 0; y < frameHeight; y += 10 {
			for x := 0; x < frameWidth; x += 10 {
				if p.isBlue(x, y) {
					blue++
				}
				r, g, b := p.at(x, y)
				shades[[3]int{r / 16, g / 16, b / 16}] = true
			}
		}
		if blue > 100 || second > 0 && len(shades) < 3 {
			t.Errorf("no intro: at %g s there are %d blue points and %d shades", second, blue, len(shades))
		}
	}
}

// wantPicture checks a frame of the content: the white square on blue has the given side in both directions, there are
// black bars at the left and right if bars is true, and the watermark is at the top right, 10 pixels from the edges.
func (r rendition) wantPicture(t *testing.T, bars bool, side int) {
	t.Helper()
	p := r.frame(t, introSeconds+1)
	wide, high := 0, 0
	for x := range frameWidth {
		if p.isWhite(x, frameHeight/2) {
			wide++
		}
	}
	for y := range frameHeight {
		if p.isWhite(frameWidth/2, y) {
			high++
		}
	}
	if near := func(a, b int) bool { return a-b <= 4 && b-a <= 4 }; !near(wide, high) || !near(wide, side) {
		t.Errorf("the square has %d×%d pixels, want %d×%d", wide, high, side, side)
	}
	if got := p.isBlack(20, 360) && p.isBlack(frameWidth-20, 600); got != bars {
		t.Errorf("the picture has bars: %v, want %v", got, bars)
	}
	if !bars && (!p.isBlue(5, 5) || !p.isBlue(5, 715) || !p.isBlue(1275, 715)) {
		t.Error("the picture does not fill the frame")
	}
	inMark, inMargin := 0, 0
	background := picture.isBlue
	if bars {
		background = picture.isBlack
	}
	for y := range 200 {
		for x := frameWidth - 300; x < frameWidth; x++ {
			if background(p, x, y) {
				continue
			}
			if y >= 8 && x < frameWidth-8 { // the encoder may blur 2 of the 10 pixels
				inMark++
			} else {
				inMargin++
			}
		}
	}
	if inMark < 500 || inMargin > 0 {
		t.Errorf("the watermark has %d pixels, and %d more in the margin", inMark, inMargin)
	}
}
