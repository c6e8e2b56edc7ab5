package ffmpeg

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// source is a clip of quarters and what its rendition is like.
type source struct {
	name  string
	args  []string      // of the clip, without its name
	ext   string        // default .mp4
	tag   string        // matrix that the file names; default bt709
	rate  string        // of the rendition; default 30/1
	len   time.Duration // of the content; default 300 ms
	w, h  int           // picture area; default 1280×720
	sound bool
	loose bool // lossy beyond colour checks
}

func TestEverySource(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	for _, c := range slices.Concat(shapes(), rates(), colours(), formats(), tracks(), clocks()) {
		t.Run(c.name, func(t *testing.T) {
			if c.name != "4:3" {
				skipIfShort(t)
			}
			t.Parallel()
			in := cliptest.Make(t, "in"+or(c.ext, ".mp4"), append(c.args, "-colorspace", or(c.tag, "bt709"))...)
			r := mustProcess(t, p, jobFor(t, in))
			fps := parseRational(or(c.rate, "30/1"))
			bumper, length := fps.frames(briefBumper), or(c.len, 300*time.Millisecond)
			// The first picture of the second half.
			shown := checkClean(t, r, fps.String(), c.sound, bumper+fps.frames(length)/2)
			if want := 2*fps.span(bumper) + length; (r.Duration - want).Abs() > fps.span(1)+time.Millisecond {
				t.Errorf("lasts %v, want %v", r.Duration, want)
			}
			if !c.loose {
				checkQuarters(t, shown[0], or(c.w, 1280), or(c.h, 720), upright4)
			}
		})
	}
}

// h264 is x264 in a quality that keeps the colours.
func h264(more ...string) []string { return x264(append([]string{"-crf", "10"}, more...)...) }

// standard is the input of sources whose shape and rate do not matter.
func standard() []string { return quarters("320x180", "30", 0.3) }

// standard601 is standard in the colours of SD.
func standard601() []string { return quartersIn("320x180", "30", 0.3, "smpte170m") }

func shapes() []source {
	of := func(size string, secs float64, more ...string) []string {
		return slices.Concat(quarters(size, "30", secs), more, h264())
	}
	const tenth = 100 * time.Millisecond
	odd := slices.Concat(quarters("321x181", "30", 0.3), h264("-pix_fmt", "yuv444p"))
	return []source{
		{name: "portrait", args: of("180x320", 0.3), w: 404, h: 720},
		{name: "square", args: of("240x240", 0.3), w: 720, h: 720},
		{name: "4:3", args: of("640x480", 0.3), w: 960, h: 720},
		{name: "21:9", args: of("640x274", 0.3), w: 1280, h: 548},
		{name: "anamorphic", args: of("240x180", 0.3, "-vf", "setsar=4/3")},
		{name: "anamorphic portrait", args: of("240x180", 0.3, "-vf", "setsar=1/2"), w: 480, h: 720},
		{name: "odd size", args: odd, w: 1278, h: 720},
		{name: "very wide", args: of("1600x64", 0.3), w: 1280, h: 52},
		{name: "very tall", args: of("64x1600", 0.3), w: 28, h: 720},
		{name: "64×64", args: of("64x64", 0.3), w: 720, h: 720},
		{name: "4K", args: of("3840x2160", 0.1), len: tenth},
		{name: "8K", args: of("7680x4320", 0.1), len: tenth},
	}
}

func rates() []source {
	at := func(rate string, secs float64, more ...string) []string {
		return slices.Concat(quarters("320x180", rate, secs), more, h264())
	}
	variable := []string{
		"-vf", "select='not(mod(n,7))+not(mod(n,3))+lt(n,9)'", "-fps_mode", "vfr", "-video_track_timescale", "90000",
	}
	interlaced := []string{
		"-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ilme+ildct", "-x264-params", "tff=1",
	}
	return []source{
		{name: "23.976", args: at("24000/1001", 0.3), rate: "24000/1001"},
		{name: "24", args: at("24", 0.3), rate: "24/1"},
		{name: "25", args: at("25", 0.32), rate: "25/1", len: 320 * time.Millisecond},
		{name: "29.97", args: at("30000/1001", 0.3), rate: "30000/1001"},
		{name: "15", args: at("15", 0.3), len: 333 * time.Millisecond},
		{name: "50", args: at("50", 0.3), rate: "25/1"},
		{name: "60", args: at("60", 0.3)},
		{name: "59.94", args: at("60000/1001", 0.3), rate: "30000/1001"},
		{name: "120", args: at("120", 0.3)},
		{name: "240", args: at("240", 0.3)},
		{name: "variable", args: at("60", 1, variable...), len: time.Second},
		{name: "interlaced", args: at("50", 1, interlaced...), rate: "25/1", len: time.Second},
	}
}

func colours() []source {
	fullRange := []string{"-vf", "scale=in_range=tv:out_range=pc", "-color_range", "pc"}
	tenBit := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"}
	bt2020 := []string{
		"-vf", "zscale=p=2020:m=2020_ncl:t=2020_10:pin=709:min=709:tin=709:rin=limited,format=yuv420p10le",
		"-c:v", "libx265", "-preset", "ultrafast",
		"-x265-params", "log-level=none:colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc",
	}
	p3 := func(primaries string) []string {
		return slices.Concat(standard(), []string{
			"-vf", "zscale=p=" + primaries + ":m=709:t=709:pin=709:min=709:tin=709:rin=limited,format=yuv420p",
		}, h264("-color_primaries", primaries, "-color_trc", "iec61966-2-1"))
	}
	hd := slices.Concat(quarters("1280x720", "30", 0.2), h264())
	return []source{
		{name: "601", args: slices.Concat(standard601(), h264()), tag: "smpte170m"},
		{name: "untagged SD is 601", args: slices.Concat(standard601(), h264()), tag: "unknown"},
		{name: "untagged HD is 709", args: hd, tag: "unknown", len: 200 * time.Millisecond},
		{name: "full range", args: slices.Concat(standard(), fullRange, h264())},
		{name: "10 bit", args: slices.Concat(standard(), tenBit)},
		{name: "BT.2020 SDR", args: slices.Concat(standard(), bt2020), tag: "bt2020nc"},
		{name: "Display P3", args: p3("smpte432")},
		{name: "DCI-P3", args: p3("smpte431")},
	}
}

// formats are codecs and containers.
func formats() []source {
	hevc := []string{
		"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none",
		"-tag:v", "hvc1", "-pix_fmt", "yuv420p",
	}
	vp8 := []string{"-c:v", "libvpx", "-crf", "4", "-b:v", "2M", "-pix_fmt", "yuv420p", "-c:a", "libvorbis"}
	vp9 := []string{
		"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p", "-c:a", "libopus",
	}
	av1 := []string{"-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p"}
	prores := []string{"-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"}
	mpeg4 := []string{"-c:v", "mpeg4", "-q:v", "2", "-pix_fmt", "yuv420p"}
	mjpeg := []string{
		"-vf", "scale=in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc",
		"-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p",
	}
	h263 := slices.Concat(quartersIn("352x288", "30000/1001", 0.3, "smpte170m"),
		[]string{"-vf", "setsar=1", "-c:v", "h263", "-q:v", "2", "-pix_fmt", "yuv420p"})
	fragmented := h264("-movflags", "frag_keyframe+empty_moov", "-g", "5")
	stereo := beep("stereo", 48000)
	return []source{
		{name: "HEVC in mov", ext: ".mov", args: slices.Concat(standard(), hevc)},
		{
			name: "VP8 in webm", ext: ".webm", args: slices.Concat(standard601(), stereo, vp8), sound: true,
			tag: "smpte170m",
		},
		{name: "VP9 in webm", ext: ".webm", args: slices.Concat(standard(), stereo, vp9), sound: true},
		{name: "AV1 in mkv", ext: ".mkv", args: slices.Concat(standard(), av1)},
		{name: "ProRes", ext: ".mov", args: slices.Concat(standard601(), prores), tag: "smpte170m"},
		{name: "MPEG-4", args: slices.Concat(standard601(), mpeg4), tag: "smpte170m"},
		{name: "MJPEG in mov", ext: ".mov", args: slices.Concat(standard(), mjpeg), tag: "unknown"},
		{name: "H.263 in 3gp", ext: ".3gp", args: h263, rate: "30000/1001", w: 960, h: 720, loose: true},
		{name: "fragmented", args: slices.Concat(standard(), stereo, fragmented), sound: true},
		{name: "from a Sony camera", args: slices.Concat(standard(), h264("-brand", "MSNV"))},
		{name: "index first", args: slices.Concat(standard(), h264("-movflags", "+faststart"))},
	}
}

// tracks are sound, and what else a file can hold.
func tracks() []source {
	with := func(sound []string, codec ...string) []string {
		return slices.Concat(standard(), sound, h264(codec...))
	}
	several := slices.Concat(standard(), beep("stereo", 48000), beep("mono", 44100),
		h264("-map", "0", "-map", "1", "-map", "2"))
	cover := slices.Concat(lavfi("color=white:s=640x640:d=0.04"), standard(), []string{
		"-map", "0", "-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p", "-disposition:v:0", "attached_pic",
		"-map", "1", "-c:v:1", "libx264", "-preset:v:1", "ultrafast", "-pix_fmt:v:1", "yuv420p",
	})
	data := []string{"-attach", "doc.go", "-metadata:s:t", "mimetype=application/octet-stream"}
	return []source{
		{name: "mono", args: with(beep("mono", 44100)), sound: true},
		{name: "5.1", ext: ".mkv", args: with(beep("5.1", 48000), "-c:a", "ac3"), sound: true},
		{name: "8 kHz", ext: ".mov", args: with(beep("mono", 8000), "-c:a", "pcm_s16le"), sound: true},
		{name: "96 kHz", ext: ".mkv", args: with(beep("stereo", 96000), "-c:a", "flac"), sound: true},
		{name: "sound longer", args: with(lavfi(tone + ":d=2")), sound: true, len: 2 * time.Second},
		{name: "sound shorter", args: with(lavfi(tone + ":d=0.2")), sound: true},
		{
			name: "sound longer in mkv", ext: ".mkv", args: with(lavfi(tone + ":d=2")), sound: true,
			len: 2 * time.Second,
		},
		{name: "several tracks", args: several, sound: true},
		{name: "cover art first", args: cover},
		{name: "attached file", ext: ".mkv", args: slices.Concat(standard(), h264(data...))},
	}
}

func clocks() []source {
	from := func(offset string, more ...string) []string {
		return slices.Concat(standard(), beep("stereo", 48000), h264("-output_ts_offset", offset), more)
	}
	onePicture := slices.Concat(quarters("320x180", "30", 0.03), h264())
	return []source{
		{name: "late start", args: from("7"), sound: true},
		{name: "negative start", ext: ".mkv", args: from("-0.1", "-avoid_negative_ts", "disabled"), sound: true},
		{name: "one picture", args: onePicture, len: 33 * time.Millisecond},
	}
}

// beep is an input of sound as long as standard.
func beep(layout string, rate int) []string {
	channels := map[string]int{"mono": 1, "stereo": 2, "5.1": 6}[layout]
	samples := strings.TrimSuffix(strings.Repeat("0.3*sin(880*t)|", channels), "|")
	return lavfi(fmt.Sprintf("aevalsrc=%s:c=%s:s=%d:d=0.3", samples, layout, rate))
}
