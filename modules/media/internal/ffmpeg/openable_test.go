package ffmpeg

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"risingstars/infra/cliptest"
)

// ffmpeg decodes the beginning of every stream that it is not told to leave alone, also of one that it only copies.
func TestNoRunOpensAFileWithoutAListOfDecoders(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := cliptest.Make(t, "in.mov", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.1"),
		lavfi("testsrc=s=64x64:r=30:d=0.1"), x264("-c:v:1", "cinepak", "-pix_fmt:v:1", "rgb24",
			"-map", "0", "-map", "1"))...)
	p := newProcessor(t, Options{FFmpeg: standIn(t, fmt.Sprintf(
		`if [[ $* == *" "%q" "* && $* != *codec_whitelist*max_pixels* ]]; then exit 1; fi`, in))})
	checkClean(t, mustProcess(t, p, jobFor(t, in)), "30/1", false)
}

// What can be opened is copied in whatever form takes it: QuickTime has no place for what browsers record.
func TestOneUnreadableStreamHidesNoOther(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	none := []Notice{NoticeNoSound}
	pictures, swf := lavfi("testsrc=s=64x64:r=30:d=0.3"), lavfi("sine=r=22050:d=0.3")
	vp9 := []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"}
	av1 := []string{"-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p"}
	strange := func(video []string, sound string) string {
		data := readClip(t, "in.mp4", slices.Concat(pictures, lavfi(tone+":d=0.3"), video, []string{
			"-map", "0", "-map", "1", "-map", "1", "-c:a:0", sound, "-c:a:1", "aac", "-strict", "experimental",
		})...)
		const config = "\x05\x80\x80\x80\x05"
		at := bytes.Index(data, []byte(config)) + len(config)
		copy(data[at:], "\xf9\x46\x40\x00\x00")
		return writeFile(t, "in.mp4", data)
	}
	for name, c := range map[string]struct {
		file    string
		sound   bool
		notices []Notice
	}{
		"VP9 and Opus":   {strange(vp9, "libopus"), true, nil},
		"VP9 and FLAC":   {strange(vp9, "flac"), true, nil},
		"AV1 and Opus":   {strange(av1, "libopus"), true, nil},
		"H.264 and ALAC": {strange(x264(), "alac"), true, nil},
		"a second picture": {cliptest.Make(t, "in.mov", slices.Concat(pictures, pictures,
			x264("-c:v:0", "cinepak", "-pix_fmt:v:0", "rgb24", "-map", "0", "-map", "1"))...), false, nil},
		"sound that nobody reads": {cliptest.Make(t, "in.mkv", slices.Concat(pictures, swf,
			x264("-c:a", "adpcm_swf"))...), false, none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := mustProcess(t, p, jobFor(t, c.file))
			checkClean(t, r, "30/1", c.sound)
			if !slices.Equal(r.Notices, c.notices) {
				t.Errorf("notices %v, want %v", r.Notices, c.notices)
			}
		})
	}
}
