package ffmpeg

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// What only screen recorders, games and archives write reaches no decoder, whatever it holds. The contestant is told
// what it is.
func TestCodecsThatContestantsDoNotUseAreRejected(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	pictures := lavfi("testsrc=s=64x64:r=10:d=0.3")
	for codec, c := range map[string]struct{ file, name string }{
		"flashsv":  {"in.mkv", "FLASHSV"},
		"snow":     {"in.mkv", "SNOW"},
		"tiff":     {"in.mkv", "TIFF"},
		"cinepak":  {"in.mov", "CINEPAK"},
		"zmbv":     {"in.mkv", "ZMBV"},
		"qtrle":    {"in.mov", "QuickTime Animation"},
		"png":      {"in.mov", "PNG"},
		"ffv1":     {"in.mkv", "FFV1"},
		"huffyuv":  {"in.mkv", "HUFFYUV"},
		"rawvideo": {"in.mov", "RAW"},
		"jpeg2000": {"in.mov", "JPEG 2000"},
	} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			in := cliptest.Make(t, c.file, append(slices.Clone(pictures), "-c:v", codec)...)
			_, err := p.Process(t.Context(), jobFor(t, in))
			wantUnsupported(t, err, c.name)
		})
	}
}

// What no decoder of ffmpeg knows, or only those of later versions. The names are those of the sample entries.
func TestACodecThatNobodyReadsIsNamed(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	good := readClip(t, "in.mp4", append(lavfi("testsrc=s=64x64:r=10:d=0.3"), x264()...)...)
	for tag, name := range map[string]string{
		"vvc1": "H.266 (VVC)", "apv1": "APV", "aprn": "ProRes RAW", "aprh": "ProRes RAW", "BRAW": "BRAW",
		"CFHD": "CineForm", "WMV3": "Windows Media Video 9", "avs3": "AVS3", "<b>!": "", "\x00\x00\x00\x00": "",
	} {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			data := bytes.Replace(good, []byte("avc1\x00\x00"), []byte(tag+"\x00\x00"), 1)
			data = bytes.Replace(data, []byte("avcC"), []byte("free"), 1)
			_, err := p.Process(t.Context(), jobFor(t, writeFile(t, "in.mp4", data)))
			wantUnsupported(t, err, name)
		})
	}
}

func wantUnsupported(t *testing.T, err error, name string) {
	t.Helper()
	r, ok := errors.AsType[*Rejection](err)
	if !ok || r.Code != CodeUnsupported || r.Subject != name || name != "" && r.Detail == "" {
		t.Errorf("got %#v (%v), want %s of %q", r, err, CodeUnsupported, name)
	}
}

// A second picture that nobody reads, or sound, keeps nobody from the clip.
func TestStreamsThatNobodyReadsAreLeftOut(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	two := readClip(t, "in.mov", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=0.3"),
		lavfi("testsrc=s=64x64:r=30:d=0.3"), x264("-c:v:1", "mpeg4", "-map", "0", "-map", "1"))...)
	pictures, sound := lavfi("testsrc=s=64x64:r=30:d=0.3"), lavfi(tone+":d=0.3")
	wma := cliptest.Make(t, "in.mkv", slices.Concat(pictures, sound, x264("-c:a", "wmav2"))...)
	dts := cliptest.Make(t, "in.mkv", slices.Concat(pictures, sound,
		x264("-c:a", "dca", "-strict", "experimental"))...)
	noSound := []Notice{NoticeNoSound}
	for name, c := range map[string]struct {
		file    string
		notices []Notice
	}{
		"sound in WMA": {wma, noSound},
		"sound in DTS": {dts, noSound},
		"a larger picture first": {
			writeFile(t, "in.mov", bytes.Replace(two, []byte("avc1\x00"), []byte("apv1\x00"), 1)), nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := mustProcess(t, p, jobFor(t, c.file))
			checkClean(t, r, "30/1", false)
			if !slices.Equal(r.Notices, c.notices) {
				t.Errorf("notices %v, want %v", r.Notices, c.notices)
			}
		})
	}
}

// ffmpeg itself refuses them too, should ffprobe be deceived about what a stream is.
func TestNoPassDecodesACodecThatIsNotListed(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	in := cliptest.Make(t, "in.mkv", append(lavfi("testsrc=s=64x64:r=10:d=0.3"), "-c:v", "flashsv")...)
	pl, err := p.plan(jobFor(t, in), media{
		streams: 1, video: []videoStream{{codec: "h264", width: 64, height: 64, pixFmt: "yuv420p"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.encode(t.Context(), pl, func(int) {})
	wantCode(t, err, CodeUnreadable)
}

// Whatever a file does to the filters, no later attempt ends differently.
func TestAFileThatTheFiltersRefuseIsRejected(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	in := cliptest.Make(t, "in.mkv", append(lavfi("testsrc=s=64x64:r=10:d=0.3"), x264()...)...)
	for _, start := range []time.Duration{0, 100 * time.Millisecond} {
		j := jobFor(t, in)
		j.Start = start
		m, err := p.probe(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		pl, err := p.plan(j, m)
		if err != nil {
			t.Fatal(err)
		}
		pl.color = colorPlan{wide: true, matrix: "none"}
		_, err = p.encode(t.Context(), pl, func(int) {})
		wantCode(t, err, CodeUnreadable)
	}
}

// Covers, subtitles, time codes and data lie beside the clip, in whatever codec.
func TestStreamsBesideTheClipMayHaveOtherCodecs(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	subtitles := writeFile(t, "subs.srt", []byte("1\n00:00:00,000 --> 00:00:01,000\nHola\n"))
	pictures := lavfi("testsrc=s=64x64:r=30:d=0.3")
	cover := slices.Concat(lavfi("color=white:s=640x640:d=0.04"), pictures, []string{"-map", "0", "-map", "1"})
	for name, in := range map[string]string{
		"cover in png": cliptest.Make(t, "in.mp4", append(cover, "-c:v:0", "png", "-disposition:v:0", "attached_pic",
			"-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p")...),
		"picture in png": cliptest.Make(t, "in.mov", append(cover, "-c:v:0", "png",
			"-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p")...),
		"subtitles in mp4": cliptest.Make(t, "in.mp4", slices.Concat(pictures, []string{"-i", subtitles},
			x264("-c:s", "mov_text"))...),
		"subtitles in webm": cliptest.Make(t, "in.mkv", slices.Concat(pictures, []string{"-i", subtitles},
			x264("-c:s", "webvtt"))...),
		"time code": cliptest.Make(t, "in.mov", slices.Concat(pictures, x264("-timecode", "01:00:00:00"))...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkClean(t, mustProcess(t, p, jobFor(t, in)), "30/1", false)
		})
	}
}
