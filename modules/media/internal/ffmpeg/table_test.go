package ffmpeg

import (
	"encoding/binary"
	"fmt"
	"image/color"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test picture has a colour in each quarter, so that a wrong turn, mirror or matrix shows.
var (
	red    = color.RGBA{200, 30, 30, 255}
	green  = color.RGBA{30, 180, 60, 255}
	blue   = color.RGBA{40, 60, 200, 255}
	yellow = color.RGBA{220, 210, 40, 255}
	black  = color.RGBA{0, 0, 0, 255}
)

func lavfiColor(c color.RGBA) string { return fmt.Sprintf("0x%02x%02x%02x", c.R, c.G, c.B) }

// quarters is a lavfi source: red and green above, blue and yellow below, in BT.709 limited range.
func quarters(size, rate string, secs float64) string {
	return quartersIn(size, rate, secs, "bt709")
}

func quartersIn(size, rate string, secs float64, matrix string) string {
	box := func(x, y string, c color.RGBA) string {
		return fmt.Sprintf("drawbox=x=%s:y=%s:w=iw/2:h=ih/2:c=%s:t=fill", x, y, lavfiColor(c))
	}
	return fmt.Sprintf("color=%s:s=%s:r=%s:d=%g,format=gbrp,%s,%s,%s,scale=out_color_matrix=%s:out_range=tv,format=yuv444p",
		lavfiColor(red), size, rate, secs, box("iw/2", "0", green), box("0", "ih/2", blue), box("iw/2", "ih/2", yellow), matrix)
}

// shows checks the middle of each quarter of the picture area w×h, centred in 1280×720, and the bars around it.
func shows(t *testing.T, file string, at time.Duration, w, h int, want [4]color.RGBA) {
	t.Helper()
	img := frameAt(t, file, at)
	for i, c := range want {
		x, y := 640-w/4+(i%2)*w/2, 360-h/4+(i/2)*h/2
		if got := img.At(x, y); !near(got, c, 9) {
			t.Errorf("at %d,%d: %v, want %v", x, y, got, c)
		}
	}
	const edge = 6
	if bar := (1280 - w) / 2; bar > edge && !near(img.At(bar-edge, 360), black, 16) {
		t.Errorf("left bar is %v", img.At(bar-edge, 360))
	}
	if bar := (720 - h) / 2; bar > edge && !near(img.At(640, bar-edge), black, 16) {
		t.Errorf("top bar is %v", img.At(640, bar-edge))
	}
	inside := []struct{ x, y int }{{640 - w/2 + edge, 360 - h/4}, {640 - w/4, 360 - h/2 + edge}}
	for _, p := range inside {
		if w > 4*edge && h > 4*edge && near(img.At(p.x, p.y), black, 20) {
			t.Errorf("the picture does not reach %d,%d", p.x, p.y)
		}
	}
}

// setMatrix writes a display matrix into the track header of the first track that has a picture size.
func setMatrix(t *testing.T, file string, m [4]int32) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; ; at++ {
		i := strings.Index(string(data[at:]), "tkhd")
		if i < 0 {
			t.Fatal("no track header with a size")
		}
		at += i
		matrix := data[at+4+40:] // version 0: 40 bytes of fields before it
		if binary.BigEndian.Uint32(matrix[36:]) == 0 {
			continue
		}
		for k, cell := range map[int]int32{0: m[0], 4: m[1], 12: m[2], 16: m[3]} {
			binary.BigEndian.PutUint32(matrix[k:], uint32(cell<<16))
		}
		break
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

var upQuarters = [4]color.RGBA{red, green, blue, yellow}

func TestEveryTurn(t *testing.T) {
	t.Parallel()
	base := makeClip(t, "in.mp4", "-f", "lavfi", "-i", quarters("192x108", "30", 0.3), "-pix_fmt", "yuv420p", "-colorspace", "bt709", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "10")
	data, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name   string
		matrix [4]int32
		want   [4]color.RGBA
		w, h   int
	}{
		{"upright", [4]int32{1, 0, 0, 1}, upQuarters, 1280, 720},
		{"half turn", [4]int32{-1, 0, 0, -1}, [4]color.RGBA{yellow, blue, green, red}, 1280, 720},
		{"mirrored", [4]int32{-1, 0, 0, 1}, [4]color.RGBA{green, red, yellow, blue}, 1280, 720},
		{"upside down mirrored", [4]int32{1, 0, 0, -1}, [4]color.RGBA{blue, yellow, red, green}, 1280, 720},
		{"clockwise", [4]int32{0, 1, -1, 0}, [4]color.RGBA{blue, red, yellow, green}, 404, 720},
		{"counterclockwise", [4]int32{0, -1, 1, 0}, [4]color.RGBA{green, yellow, red, blue}, 404, 720},
		{"transposed", [4]int32{0, 1, 1, 0}, [4]color.RGBA{red, blue, green, yellow}, 404, 720},
		{"antitransposed", [4]int32{0, -1, -1, 0}, [4]color.RGBA{yellow, green, blue, red}, 404, 720},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := t.TempDir() + "/in.mp4"
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			setMatrix(t, file, c.matrix)
			r := process(t, p, jobFor(t, file))
			checkClean(t, r, "30/1", false)
			shows(t, r.Video, introAt30+100*time.Millisecond, c.w, c.h, c.want)
		})
	}
}

func TestEveryClip(t *testing.T) {
	t.Parallel()
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-pix_fmt", "yuv420p"}
	lavfi := func(src string) []string { return []string{"-f", "lavfi", "-i", src} }
	std := lavfi(quarters("320x180", "30", 0.5))
	std601 := lavfi(quartersIn("320x180", "30", 0.5, "smpte170m"))
	with := func(parts ...[]string) []string { return slices.Concat(parts...) }
	beep := func(layout string, rate int) []string {
		return lavfi(fmt.Sprintf("aevalsrc=%s:c=%s:s=%d:d=0.5", strings.TrimSuffix(strings.Repeat("0.3*sin(880*t)|", channelsOf(layout)), "|"), layout, rate))
	}
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name  string
		ext   string // default .mp4
		args  []string
		rate  string // default 30/1
		sound bool
		w, h  int // picture area, default 1280×720
		len   time.Duration
		loose bool   // lossy beyond colour checks
		tag   string // matrix the file names, default bt709
	}{
		// Shapes.
		{name: "portrait", args: with(lavfi(quarters("180x320", "30", 0.5)), x264), w: 404, h: 720},
		{name: "square", args: with(lavfi(quarters("240x240", "30", 0.5)), x264), w: 720, h: 720},
		{name: "4:3", args: with(lavfi(quarters("640x480", "30", 0.5)), x264), w: 960, h: 720},
		{name: "21:9", args: with(lavfi(quarters("640x274", "30", 0.5)), x264), w: 1280, h: 548},
		{name: "anamorphic", args: with(lavfi(quarters("240x180", "30", 0.5)), []string{"-vf", "setsar=4/3"}, x264)},
		{name: "anamorphic portrait", args: with(lavfi(quarters("240x180", "30", 0.5)), []string{"-vf", "setsar=1/2"}, x264), w: 480, h: 720},
		{name: "odd size", args: with(lavfi(quarters("321x181", "30", 0.5)), []string{"-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-pix_fmt", "yuv444p"}), w: 1278, h: 720},
		{name: "very wide", args: with(lavfi(quarters("1600x64", "30", 0.5)), x264), w: 1280, h: 52},
		{name: "very tall", args: with(lavfi(quarters("64x1600", "30", 0.5)), x264), w: 28, h: 720},
		{name: "64×64", args: with(lavfi(quarters("64x64", "30", 0.5)), x264), w: 720, h: 720},
		{name: "4K", args: with(lavfi(quarters("3840x2160", "30", 0.1)), x264), len: 100 * time.Millisecond},
		{name: "8K", args: with(lavfi(quarters("7680x4320", "30", 0.1)), x264), len: 100 * time.Millisecond},
		// Rates.
		{name: "23.976", args: with(lavfi(quarters("320x180", "24000/1001", 0.5)), x264), rate: "24000/1001"},
		{name: "24", args: with(lavfi(quarters("320x180", "24", 0.5)), x264), rate: "24/1"},
		{name: "25", args: with(lavfi(quarters("320x180", "25", 0.52)), x264), rate: "25/1", len: 520 * time.Millisecond},
		{name: "29.97", args: with(lavfi(quarters("320x180", "30000/1001", 0.5)), x264), rate: "30000/1001"},
		{name: "15", args: with(lavfi(quarters("320x180", "15", 0.5)), x264), len: 533 * time.Millisecond},
		{name: "50", args: with(lavfi(quarters("320x180", "50", 0.5)), x264), rate: "25/1"},
		{name: "60", args: with(lavfi(quarters("320x180", "60", 0.5)), x264)},
		{name: "59.94", args: with(lavfi(quarters("320x180", "60000/1001", 0.5)), x264), rate: "30000/1001"},
		{name: "120", args: with(lavfi(quarters("320x180", "120", 0.5)), x264)},
		{name: "240", args: with(lavfi(quarters("320x180", "240", 0.5)), x264)},
		{name: "variable", args: with(lavfi(quarters("320x180", "60", 1)), []string{"-vf", "select='not(mod(n,7))+not(mod(n,3))+lt(n,9)'", "-fps_mode", "vfr", "-video_track_timescale", "90000"}, x264), len: time.Second},
		{name: "interlaced", args: with(lavfi(quarters("320x180", "50", 1)), []string{"-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ilme+ildct", "-x264-params", "tff=1"}, x264), rate: "25/1", len: time.Second},
		// Colours.
		{name: "601", args: with(lavfi(quartersIn("320x180", "30", 0.5, "smpte170m")), x264), tag: "smpte170m"},
		{name: "untagged SD is 601", args: with(lavfi(quartersIn("320x180", "30", 0.5, "smpte170m")), x264), tag: "unknown"},
		{name: "untagged HD is 709", args: with(lavfi(quarters("1280x720", "30", 0.2)), x264), tag: "unknown", len: 200 * time.Millisecond},
		{name: "full range", args: with(std, []string{"-vf", "scale=in_range=tv:out_range=pc", "-color_range", "pc"}, x264)},
		{name: "10 bit", args: with(std, []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"})},
		{name: "BT.2020 SDR", args: with(lavfi(quarters("320x180", "30", 0.5)), []string{"-vf", "zscale=p=2020:m=2020_ncl:t=2020_10:pin=709:min=709:tin=709:rin=limited,format=yuv420p10le", "-c:v", "libx265", "-x265-params", "log-level=none:colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc", "-preset", "ultrafast"}), tag: "bt2020nc"},
		// Codecs and containers.
		{name: "HEVC in mov", ext: ".mov", args: with(std, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1", "-pix_fmt", "yuv420p"})},
		{name: "VP8 in webm", ext: ".webm", args: with(std601, beep("stereo", 48000), []string{"-c:v", "libvpx", "-crf", "4", "-b:v", "2M", "-pix_fmt", "yuv420p", "-c:a", "libvorbis"}), sound: true, tag: "smpte170m"},
		{name: "VP9 in webm", ext: ".webm", args: with(std, beep("stereo", 48000), []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p", "-c:a", "libopus"}), sound: true},
		{name: "AV1 in mkv", ext: ".mkv", args: with(std, []string{"-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p"})},
		{name: "ProRes", ext: ".mov", args: with(std601, []string{"-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"}), tag: "smpte170m"},
		{name: "MPEG-4", args: with(std601, []string{"-c:v", "mpeg4", "-q:v", "2", "-pix_fmt", "yuv420p"}), tag: "smpte170m"},
		{name: "MJPEG in mov", ext: ".mov", args: with(std, []string{"-vf", "scale=in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc", "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"}), tag: "unknown"},
		{name: "H.263 in 3gp", ext: ".3gp", args: with(lavfi(quartersIn("352x288", "30000/1001", 0.5, "smpte170m")), []string{"-vf", "setsar=1", "-c:v", "h263", "-q:v", "2", "-pix_fmt", "yuv420p"}), rate: "30000/1001", w: 960, h: 720, loose: true},
		{name: "fragmented", args: with(std, beep("stereo", 48000), x264, []string{"-movflags", "frag_keyframe+empty_moov", "-g", "5"}), sound: true},
		{name: "from a Sony camera", args: with(std, x264, []string{"-brand", "MSNV"})},
		{name: "index first", args: with(std, x264, []string{"-movflags", "+faststart"})},
		// Sound.
		{name: "mono", args: with(std, beep("mono", 44100), x264), sound: true},
		{name: "5.1", ext: ".mkv", args: with(std, beep("5.1", 48000), x264, []string{"-c:a", "ac3"}), sound: true},
		{name: "8 kHz", ext: ".mov", args: with(std, beep("mono", 8000), x264, []string{"-c:a", "pcm_s16le"}), sound: true},
		{name: "96 kHz", ext: ".mkv", args: with(std, beep("stereo", 96000), x264, []string{"-c:a", "flac"}), sound: true},
		{name: "sound longer", args: with(std, lavfi(tone+":d=2"), x264), sound: true},
		{name: "sound shorter", args: with(std, lavfi(tone+":d=0.2"), x264), sound: true},
		{name: "sound longer in mkv", ext: ".mkv", args: with(std, lavfi(tone+":d=2"), x264), sound: true},
		{name: "several tracks", args: with(std, beep("stereo", 48000), beep("mono", 44100), x264, []string{"-map", "0", "-map", "1", "-map", "2"}), sound: true},
		{name: "cover art first", args: with(lavfi("color=white:s=640x640:d=0.04"), std, []string{"-map", "0", "-map", "1", "-c:v:0", "mjpeg", "-disposition:v:0", "attached_pic", "-c:v:1", "libx264", "-preset:v:1", "ultrafast", "-pix_fmt:v:1", "yuv420p", "-pix_fmt:v:0", "yuvj420p"})},
		{name: "subtitles and data", ext: ".mkv", args: with(std, x264, []string{"-attach", "/etc/hostname", "-metadata:s:t", "mimetype=application/octet-stream"})},
		// Clocks.
		{name: "late start", args: with(std, beep("stereo", 48000), x264, []string{"-output_ts_offset", "7"}), sound: true},
		{name: "negative start", ext: ".mkv", args: with(std, beep("stereo", 48000), x264, []string{"-output_ts_offset", "-0.1", "-avoid_negative_ts", "disabled"}), sound: true},
		{name: "one picture", args: with(lavfi(quarters("320x180", "30", 0.03)), x264), len: 33 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := makeClip(t, "in"+or(c.ext, ".mp4"), append(c.args, "-colorspace", or(c.tag, "bt709"))...)
			r := process(t, p, jobFor(t, in))
			rate := or(c.rate, "30/1")
			checkClean(t, r, rate, c.sound)
			fps := parseRational(rate)
			bumper := fps.span(fps.frames(bumperLength))
			want := 2*bumper + or(c.len, 500*time.Millisecond)
			if (r.Duration - want).Abs() > fps.span(1)+time.Millisecond {
				t.Errorf("lasts %v, want %v", r.Duration, want)
			}
			if c.loose {
				return
			}
			// The first picture of the second half; a seek goes to the first picture at or after its time.
			at := bumper + fps.span(fps.frames(or(c.len, 500*time.Millisecond))/2)
			shows(t, r.Video, at, or(c.w, 1280), or(c.h, 720), upQuarters)
		})
	}
}

func channelsOf(layout string) int {
	return map[string]int{"mono": 1, "stereo": 2, "5.1": 6}[layout]
}

// Intro, clip and outro share one header; streams with different ones would play with broken pictures after the seam.
func TestBumpersAndClipHaveTheSameHeader(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	for _, rate := range outputRates() {
		b, err := p.bumpers(t.Context(), rate)
		if err != nil {
			t.Fatal(err)
		}
		in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x360:r="+rate.String()+":d=0.5", "-c:v", "libx264", "-preset", "ultrafast")
		result := inspect(t, process(t, p, jobFor(t, in)).Video).stream("video").Extradata
		intro, outro := inspect(t, b.intro).stream("video").Extradata, inspect(t, b.outro).stream("video").Extradata
		if intro != outro || intro != result || intro == "" {
			t.Errorf("%s: intro %s, outro %s, result %s", rate, intro, outro, result)
		}
		c := p.encodedHeader(t, in)
		if c != intro {
			t.Errorf("%s: clip %s, intro %s", rate, c, intro)
		}
	}
}

// encodedHeader is the header of the clip alone, before it is joined.
func (p *Processor) encodedHeader(t *testing.T, in string) string {
	t.Helper()
	j := jobFor(t, in)
	m, err := p.probe(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	pl, err := p.plan(j, m)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.encode(t.Context(), pl, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return inspect(t, c.video).stream("video").Extradata
}

// ffmpegRun is for measurements on results.
func ffmpegRun(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-nostdin", "-hide_banner"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
	return out
}
