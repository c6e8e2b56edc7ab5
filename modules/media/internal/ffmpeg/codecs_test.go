package ffmpeg

import (
	"os"
	"slices"
	"testing"

	"risingstars/infra/cliptest"
)

// What only screen recorders, games and archives write reaches no decoder, whatever it holds.
func TestCodecsThatContestantsDoNotUseAreRejected(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	pictures := lavfi("testsrc=s=64x64:r=10:d=0.3")
	for name, c := range map[string]struct{ file, demuxer string }{
		"flashsv":  {cliptest.Make(t, "in.mkv", append(pictures, "-c:v", "flashsv")...), "matroska"},
		"snow":     {cliptest.Make(t, "in.mkv", append(pictures, "-c:v", "snow")...), "matroska"},
		"tiff":     {cliptest.Make(t, "in.mkv", append(pictures, "-c:v", "tiff")...), "matroska"},
		"cinepak":  {cliptest.Make(t, "in.mov", append(pictures, "-c:v", "cinepak")...), "mov"},
		"zmbv":     {cliptest.Make(t, "in.mkv", append(pictures, "-c:v", "zmbv")...), "matroska"},
		"qtrle":    {cliptest.Make(t, "in.mov", append(pictures, "-c:v", "qtrle")...), "mov"},
		"png":      {cliptest.Make(t, "in.mov", append(pictures, "-c:v", "png")...), "mov"},
		"ffv1":     {cliptest.Make(t, "in.mkv", append(pictures, "-c:v", "ffv1")...), "matroska"},
		"huffyuv":  {cliptest.Make(t, "in.mkv", append(pictures, "-c:v", "huffyuv")...), "matroska"},
		"rawvideo": {cliptest.Make(t, "in.mov", append(pictures, "-c:v", "rawvideo")...), "mov"},
		"jpeg2000": {cliptest.Make(t, "in.mov", append(pictures, "-c:v", "jpeg2000")...), "mov"},
		"sound in wmav2": {cliptest.Make(t, "in.mkv", slices.Concat(pictures, lavfi(tone+":d=0.3"),
			x264("-c:a", "wmav2"))...), "matroska"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A copy, because processUnsniffed looks for processes that still read it.
			data, err := os.ReadFile(c.file)
			if err != nil {
				t.Fatal(err)
			}
			wantCode(t, processUnsniffed(t, p, writeFile(t, "in", data), c.demuxer), CodeUnreadable)
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
