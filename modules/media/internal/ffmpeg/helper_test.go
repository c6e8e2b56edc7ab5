package ffmpeg

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"risingstars/assets"
)

// TestMain gives all tests one cache of bumpers; rendering them is the slow part.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bumpers-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("TEST_BUMPER_CACHE", dir)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func newProcessor(t testing.TB, o Options) *Processor {
	t.Helper()
	o.CacheDir = or(o.CacheDir, os.Getenv("TEST_BUMPER_CACHE"))
	if o.Branding == nil {
		o.Branding = assets.Branding()
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// makeClip runs ffmpeg with args and returns the file it wrote.
func makeClip(t testing.TB, name string, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	full := append([]string{"-nostdin", "-v", "error", "-y"}, args...)
	if msg, err := exec.Command("ffmpeg", append(full, out)...).CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\nffmpeg %s\n%s", name, err, strings.Join(full, " "), msg)
	}
	return out
}

func jobFor(t testing.TB, file string) Job {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, SniffLen)
	n, _ := f.Read(head)
	c, ok := Sniff(head[:n])
	if !ok {
		t.Fatalf("%s is not recognised as a video", file)
	}
	return Job{Input: file, Container: c, Dir: t.TempDir()}
}

func process(t testing.TB, p *Processor, j Job) Result {
	t.Helper()
	r, err := p.Process(context.Background(), j)
	if err != nil {
		if te, ok := err.(*ToolError); ok {
			t.Fatalf("%v\n%s", err, te.Stderr)
		}
		t.Fatal(err)
	}
	return r
}

// checkClean holds what is true of every rendition.
func checkClean(t testing.TB, r Result, rate string, sound bool) info {
	t.Helper()
	v := inspect(t, r.Video)
	vs := v.stream("video")
	if vs == nil {
		t.Fatal("no video stream")
	}
	want := map[string]string{
		"codec": "h264", "profile": "High", "pix_fmt": "yuv420p", "range": "tv", "space": "bt709", "transfer": "bt709",
		"primaries": "bt709", "sar": "1:1", "rate": rate, "average": rate, "size": "1280x720", "start": "0.000000",
	}
	got := map[string]string{
		"codec": vs.Codec, "profile": vs.Profile, "pix_fmt": vs.PixFmt, "range": vs.Range, "space": vs.Space,
		"transfer": vs.Transfer, "primaries": vs.Primaries, "sar": vs.SAR, "rate": vs.RRate, "average": vs.AvgRate,
		"size": fmt.Sprintf("%dx%d", vs.Width, vs.Height), "start": vs.Start,
	}
	for k := range want {
		if got[k] != want[k] {
			t.Errorf("%s is %s, want %s", k, got[k], want[k])
		}
	}
	if d := parseSeconds(vs.Duration); (d - r.Duration).Abs() > time.Millisecond {
		t.Errorf("video lasts %v, result says %v", d, r.Duration)
	}
	as := v.stream("audio")
	switch {
	case !sound && as != nil:
		t.Error("has a sound track, want none")
	case sound && as == nil:
		t.Error("has no sound track")
	case sound:
		if as.Codec != "aac" || as.SampleRate != "48000" || as.Channels != 2 {
			t.Errorf("sound is %s %s Hz %d channels", as.Codec, as.SampleRate, as.Channels)
		}
		if d := parseSeconds(as.Duration); (d - r.Duration).Abs() > 30*time.Millisecond {
			t.Errorf("sound lasts %v, picture %v", d, r.Duration)
		}
	}
	if n := len(v.Streams); (sound && n != 2) || (!sound && n != 1) {
		t.Errorf("%d streams", n)
	}
	checkTimestamps(t, r.Video)
	if out, err := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-i", r.Video, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("decoding the result: %v\n%s", err, out)
	}
	img := posterImage(t, r.Poster)
	if b := img.Bounds(); b.Dx() != 1280 || b.Dy() != 720 {
		t.Errorf("poster is %v", b)
	}
	return v
}

// checkTimestamps wants every picture the same time after the one before.
func checkTimestamps(t testing.TB, file string) {
	t.Helper()
	out := ffprobe(t, "-select_streams", "v", "-show_entries", "packet=pts", "-of", "csv=p=0", file)
	seen := map[int]bool{}
	for line := range strings.FieldsSeq(string(out)) {
		n, err := strconv.Atoi(strings.Trim(line, ","))
		if err != nil {
			t.Fatal(err)
		}
		seen[n] = true
	}
	count := len(seen)
	last := 0
	for n := range seen {
		last = max(last, n)
	}
	step := last / max(count-1, 1)
	for i := range count {
		if !seen[i*step] {
			t.Fatalf("picture %d of %d is not at %d", i, count, i*step)
		}
	}
}

type streamInfo struct {
	Type       string `json:"codec_type"`
	Codec      string `json:"codec_name"`
	Profile    string `json:"profile"`
	PixFmt     string `json:"pix_fmt"`
	Range      string `json:"color_range"`
	Space      string `json:"color_space"`
	Transfer   string `json:"color_transfer"`
	Primaries  string `json:"color_primaries"`
	SAR        string `json:"sample_aspect_ratio"`
	RRate      string `json:"r_frame_rate"`
	AvgRate    string `json:"avg_frame_rate"`
	Start      string `json:"start_time"`
	Duration   string `json:"duration"`
	SampleRate string `json:"sample_rate"`
	Frames     string `json:"nb_frames"`
	Extradata  string `json:"extradata_hash"`
	Channels   int    `json:"channels"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
}

type info struct {
	Streams []streamInfo `json:"streams"`
	Format  struct {
		Tags map[string]string `json:"tags"`
	} `json:"format"`
}

func (i info) stream(kind string) *streamInfo {
	for n := range i.Streams {
		if i.Streams[n].Type == kind {
			return &i.Streams[n]
		}
	}
	return nil
}

func ffprobe(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffprobe", append([]string{"-v", "error"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe %v: %v\n%s", args, err, &stderr)
	}
	return out
}

func inspect(t testing.TB, file string) info {
	t.Helper()
	var i info
	if err := json.Unmarshal(ffprobe(t, "-show_streams", "-show_format", "-show_data_hash", "md5", "-of", "json", file), &i); err != nil {
		t.Fatal(err)
	}
	return i
}

// frameAt is the picture shown at a time of the file, as RGB.
func frameAt(t testing.TB, file string, at time.Duration) image.Image {
	t.Helper()
	return raw(t, "-ss", seconds(at.Seconds()), "-i", file)
}

func posterImage(t testing.TB, file string) image.Image {
	t.Helper()
	return raw(t, "-i", file)
}

func raw(t testing.TB, args ...string) image.Image {
	t.Helper()
	args = append(append([]string{"-v", "error"}, args...), "-frames:v", "1", "-pix_fmt", "rgba", "-f", "rawvideo", "-")
	out, err := exec.Command("ffmpeg", args...).Output()
	if err != nil || len(out) != 1280*720*4 {
		t.Fatalf("ffmpeg %v: %v, %d bytes", args, err, len(out))
	}
	return &image.RGBA{Pix: out, Stride: 1280 * 4, Rect: image.Rect(0, 0, 1280, 720)}
}

func near(a color.Color, b color.RGBA, tolerance int) bool {
	r, g, bl, _ := a.RGBA()
	d := func(x uint32, y uint8) int { return int(math.Abs(float64(int(x>>8) - int(y)))) }
	return d(r, b.R) <= tolerance && d(g, b.G) <= tolerance && d(bl, b.B) <= tolerance
}

// greys are the mean brightness of each picture, 0 to 255 in video levels.
func greys(t testing.TB, file string) []float64 {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-map", "0:v", "-vf", "crop=320:240,scale=16:12:flags=area,format=gray", "-f", "rawvideo", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var means []float64
	for i := 0; i+192 <= len(out); i += 192 {
		sum := 0
		for _, v := range out[i : i+192] {
			sum += int(v)
		}
		means = append(means, float64(sum)/192)
	}
	return means
}

// samples are the file's sound at 48 kHz, one channel, as floats.
func samples(t testing.TB, file string) []float64 {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	s := make([]float64, len(out)/2)
	for i := range s {
		s[i] = float64(int16(uint16(out[2*i])|uint16(out[2*i+1])<<8)) / 32768
	}
	return s
}
