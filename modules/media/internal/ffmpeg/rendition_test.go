package ffmpeg

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mustProcess fails the test when there is no rendition.
func mustProcess(t testing.TB, p *Processor, j Job) Result {
	t.Helper()
	r, err := p.Process(t.Context(), j)
	if tool, ok := errors.AsType[*ToolError](err); ok {
		t.Fatalf("%v\n%s", err, tool.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkClean checks what must be true of every rendition, and returns the pictures with these numbers, from 0 on, as
// RGB.
func checkClean(t testing.TB, r Result, rate string, sound bool, numbers ...int) []*image.RGBA {
	t.Helper()
	v := inspect(t, r.Video)
	vs := v.stream("video")
	if vs == nil {
		t.Fatal("no video stream")
	}
	want := map[string]string{
		"codec": "h264", "profile": "High", "pix_fmt": "yuv420p", "sar": "1:1", "size": "1280x720",
		"range": "tv", "space": "bt709", "transfer": "bt709", "primaries": "bt709",
		"rate": rate, "average": rate, "start": "0.000000",
	}
	got := map[string]string{
		"codec": vs.Codec, "profile": vs.Profile, "pix_fmt": vs.PixFmt, "sar": vs.SAR,
		"size":  fmt.Sprintf("%dx%d", vs.Width, vs.Height),
		"range": vs.Range, "space": vs.Space, "transfer": vs.Transfer, "primaries": vs.Primaries,
		"rate": vs.RRate, "average": vs.AvgRate, "start": vs.Start,
	}
	for k := range want {
		if got[k] != want[k] {
			t.Errorf("%s is %s, want %s", k, got[k], want[k])
		}
	}
	if d := parseSeconds(vs.Duration); (d - r.Duration).Abs() > time.Millisecond {
		t.Errorf("the video lasts %v, the result says %v", d, r.Duration)
	}
	as := v.stream("audio")
	switch {
	case !sound && as != nil:
		t.Error("there is a sound track, want none")
	case sound && as == nil:
		t.Error("there is no sound track")
	case sound:
		if as.Codec != "aac" || as.SampleRate != "48000" || as.Channels != 2 {
			t.Errorf("the sound is %s, %s Hz, %d channels", as.Codec, as.SampleRate, as.Channels)
		}
		if d := parseSeconds(as.Duration); (d - r.Duration).Abs() > 30*time.Millisecond {
			t.Errorf("the sound lasts %v, the picture %v", d, r.Duration)
		}
	}
	if n := len(v.Streams); (sound && n != 2) || (!sound && n != 1) {
		t.Errorf("%d streams", n)
	}
	checkTimestamps(t, v)
	return decodeAll(t, r, numbers)
}

// checkTimestamps checks that all pictures are equally far apart.
func checkTimestamps(t testing.TB, v info) {
	t.Helper()
	index, seen, last := v.stream("video").Index, map[int]bool{}, 0
	for _, packet := range v.Packets {
		if packet.Stream == index {
			seen[packet.PTS] = true
			last = max(last, packet.PTS)
		}
	}
	count := len(seen)
	step := last / max(count-1, 1)
	for i := range count {
		if !seen[i*step] {
			t.Fatalf("picture %d of %d is not at %d", i, count, i*step)
		}
	}
}

// decodeAll decodes the whole rendition and its poster, without one warning, in one run of ffmpeg. It returns the
// pictures with these numbers.
func decodeAll(t testing.TB, r Result, numbers []int) []*image.RGBA {
	t.Helper()
	poster, pictures := filepath.Join(t.TempDir(), "poster.raw"), filepath.Join(t.TempDir(), "pictures.raw")
	args := []string{
		"-nostdin", "-v", "warning", "-xerror", "-threads", "1", "-i", r.Video, "-threads", "1", "-i", r.Poster,
		"-map", "0", "-f", "null", "-", "-map", "1:v", "-f", "rawvideo", poster,
	}
	if len(numbers) > 0 {
		args = append(append(args, "-map", "0:v"), rawPictures(numbers, pictures)...)
	}
	out, err := exec.Command("ffmpeg", args...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("decoding the result: %v\n%s", err, out)
	}
	// 4:2:0 in 8 bits, as the poster is stored.
	if st, err := os.Stat(poster); err != nil || st.Size() != outWidth*outHeight*3/2 {
		t.Errorf("the poster is not a picture of 1280×720: %v", err)
	}
	if len(numbers) == 0 {
		return nil
	}
	return readPictures(t, pictures, len(numbers), bigSize())
}

// picturesAt decodes the pictures of 1280×720 with these numbers.
func picturesAt(t testing.TB, file string, numbers ...int) []*image.RGBA {
	t.Helper()
	return picturesOf(t, file, bigSize(), numbers...)
}

func picturesOf(t testing.TB, file string, s size, numbers ...int) []*image.RGBA {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "pictures.raw")
	ffmpegRun(t, append([]string{"-v", "error", "-i", file}, rawPictures(numbers, raw)...)...)
	return readPictures(t, raw, len(numbers), s)
}

// rawPictures are the arguments that write the pictures with these numbers, in rising order, to file.
func rawPictures(numbers []int, file string) []string {
	var wanted []string
	for _, n := range numbers {
		wanted = append(wanted, fmt.Sprintf("eq(n,%d)", n))
	}
	return []string{
		"-vf", "select='" + strings.Join(wanted, "+") + "'", "-fps_mode", "passthrough",
		"-pix_fmt", "rgba", "-f", "rawvideo", file,
	}
}

func readPictures(t testing.TB, file string, count int, s size) (pictures []*image.RGBA) {
	t.Helper()
	bytes := s.width * s.height * 4
	data, err := os.ReadFile(file)
	if err != nil || len(data) != count*bytes {
		t.Fatalf("%d bytes of pictures, want %d pictures: %v", len(data), count, err)
	}
	for i := range count {
		pictures = append(pictures, &image.RGBA{
			Pix: data[i*bytes : (i+1)*bytes], Stride: s.width * 4, Rect: image.Rect(0, 0, s.width, s.height),
		})
	}
	return pictures
}

type streamInfo struct {
	Index      int    `json:"index"`
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

// info is what ffprobe reports of a file.
type info struct {
	Streams []streamInfo `json:"streams"`
	Packets []struct {
		Stream int `json:"stream_index"`
		PTS    int `json:"pts"`
	} `json:"packets"`
}

func (i info) stream(kind string) *streamInfo {
	for n := range i.Streams {
		if i.Streams[n].Type == kind {
			return &i.Streams[n]
		}
	}
	return nil
}

func inspect(t testing.TB, file string) (i info) {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=stream_index,pts:stream",
		"-show_data_hash", "md5", "-of", "json", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v\n%s", file, err, &stderr)
	}
	if err := json.Unmarshal(out, &i); err != nil {
		t.Fatal(err)
	}
	return i
}

// ffmpegRun is for measurements of results. It returns what ffmpeg prints.
func ffmpegRun(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-nostdin", "-hide_banner"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
	return out
}

// near reports whether no channel differs by more than tolerance.
func near(a color.Color, b color.RGBA, tolerance int) bool {
	r, g, bl, _ := a.RGBA()
	within := func(x uint32, y uint8) bool { return max(int(x>>8), int(y))-min(int(x>>8), int(y)) <= tolerance }
	return within(r, b.R) && within(g, b.G) && within(bl, b.B)
}
