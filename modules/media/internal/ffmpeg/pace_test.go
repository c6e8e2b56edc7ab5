package ffmpeg

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// steps is an input whose pictures are as bright as the second they begin in: 20 + 6 per second.
func steps(rate string, secs float64) []string {
	return lavfi(fmt.Sprintf("color=black:s=64x36:r=%s:d=%g,format=gray,geq=lum='20+6*floor(T+0.001)',format=yuv420p",
		rate, secs))
}

// shown is the second of the source that each picture of a rendition's content shows.
func shownSeconds(t *testing.T, r Result) (seconds []float64) {
	t.Helper()
	pictures, _ := signals(t, r.Video, false)
	bumper := rational{30, 1}.frames(briefBumper)
	for _, v := range pictures[bumper : len(pictures)-bumper] {
		seconds = append(seconds, (v-20)/6)
	}
	return seconds
}

// A clip begins with the picture that is on screen at that moment, however long it has been there.
func TestStartShowsWhatIsOnScreen(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	slow := []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-crf", "1", "-threads", "1"}
	pause := slices.Concat(steps("30", 24), []string{
		"-vf", "select='lt(t,5)+gt(t,17)'", "-fps_mode", "vfr", "-force_key_frames", "0,17.03",
	}, slow)
	slides := slices.Concat(steps("1/4", 20), slow)
	keys := slices.Concat(slides, []string{"-g", "2"})
	minutes := slices.Concat(steps("1/10", 35), slow)
	constant := slices.Concat(steps("30", 6), slow)
	live := []string{"-live", "1", "-f", "matroska"}
	fragmented := []string{"-movflags", "frag_keyframe+empty_moov"}
	late := []string{"-output_ts_offset", "3.5"}
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name, ext string
		args      []string
		start     float64
		first     float64 // second that is shown first
		next      float64 // when the next second is shown; 0 = never
		length    float64
	}{
		{"before a pause", "", pause, 4.5, 4, 0, 2},
		{"in a pause", "", pause, 8, 4, 0, 2},
		{"at the end of a pause", "", pause, 16.5, 4, 0.53, 2},
		{"after a pause", "", pause, 18.5, 18, 0.5, 2},
		{"in a pause of an MKV", ".mkv", pause, 8, 4, 0, 2},
		{"in a pause of a fragmented MP4", "", slices.Concat(pause, fragmented), 8, 4, 0, 2},
		{"in a pause of a live MKV", ".mkv", slices.Concat(pause, live), 8, 4, 0, 2},
		{"in the first slide", "", slides, 2, 0, 0, 2},
		{"shortly before a slide", "", slides, 7.5, 4, 0.5, 2},
		{"in a slide with key frames", ".mov", keys, 13, 12, 0, 2},
		{"in the last slide", "", slides, 18, 16, 0, 2},
		{"in the last slide of an MKV", ".mkv", slides, 18, 16, 0, 2},
		{"in a pause of a late MKV", ".mkv", slices.Concat(pause, late), 8, 4, 0, 2},
		{"late slides in MP4", "", slices.Concat(slides, late), 9, 8, 0, 2},
		{"a picture in ten seconds", "", minutes, 15, 10, 0, 2},
		{"in the last picture", "", constant, 5.99, 5, 0, 1. / 30},
		{"in the last picture of an MKV", ".mkv", constant, 5.99, 5, 0, 1. / 30},
		{"in the last picture of a live MKV", ".mkv", slices.Concat(constant, live), 5.99, 5, 0, 1. / 30},
		{"a second before the end", "", constant, 5, 5, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := jobFor(t, cliptest.Make(t, "in"+or(c.ext, ".mp4"), c.args...))
			j.Start = time.Duration(c.start * float64(time.Second))
			j.Rules.MaxClip = 2 * time.Second
			r := mustProcess(t, p, j)
			seconds := shownSeconds(t, r)
			if got := float64(len(seconds)) / 30; math.Abs(got-c.length) > 0.01 {
				t.Errorf("lasts %.3f s, want %.3f s", got, c.length)
			}
			if math.Abs(seconds[0]-c.first) > 0.4 {
				t.Errorf("begins with second %.1f, want %.1f", seconds[0], c.first)
			}
			next := 0.
			if i := slices.IndexFunc(seconds, func(s float64) bool { return s > c.first+0.5 }); i > 0 {
				next = float64(i) / 30
			}
			if math.Abs(next-c.next) > 0.05 {
				t.Errorf("the next second comes after %.2f s, want %.2f s", next, c.next)
			}
			if len(r.Notices) > 0 {
				t.Errorf("notices %v", r.Notices)
			}
		})
	}
}

// Sound that is clearly longer than the picture is heard to its end, over the last picture.
func TestPictureIsHeldToTheEndOfTheSound(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	still := slices.Concat(lavfi("color=0x306090:s=64x36:d=1"), lavfi(tone+":d=6"))
	onePicture := slices.Concat(lavfi("color=0x306090:s=64x36:r=30:d=0.03"), lavfi(tone+":d=4"))
	silent := slices.Concat(lavfi("color=0x306090:s=64x36:d=1"), lavfi("anullsrc=r=48000:d=6"))
	vp8 := []string{"-c:v", "libvpx", "-b:v", "100k", "-deadline", "realtime", "-c:a", "libopus"}
	live := append(vp8, "-f", "webm", "-live", "1")
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name, ext string
		args      []string
		rules     Rules
		start     time.Duration
		want      time.Duration // 0: rejected
		code      string
	}{
		{name: "MP4", args: slices.Concat(still, x264()), want: 6 * time.Second},
		{name: "MKV", ext: ".mkv", args: slices.Concat(still, x264()), want: 6 * time.Second},
		{name: "WebM", ext: ".webm", args: slices.Concat(still, vp8), want: 6 * time.Second},
		{name: "live WebM", ext: ".webm", args: slices.Concat(still, live), want: 6 * time.Second},
		{name: "one picture", args: slices.Concat(onePicture, x264()), want: 4 * time.Second},
		{
			name: "the start after the picture", args: slices.Concat(still, x264()),
			start: 4 * time.Second, want: 2 * time.Second,
		},
		{
			name: "the start after the picture of a live WebM", ext: ".webm", args: slices.Concat(still, live),
			start: 4 * time.Second, want: 2 * time.Second,
		},
		{
			name: "cut", args: slices.Concat(still, x264()),
			rules: Rules{MaxClip: 3 * time.Second}, want: 3 * time.Second,
		},
		{
			name: "without the sound", args: slices.Concat(still, x264()), rules: Rules{RemoveAudio: true},
			want: time.Second,
		},
		{
			name: "long enough", args: slices.Concat(still, x264()),
			rules: Rules{MinDuration: 5 * time.Second}, want: 6 * time.Second,
		},
		{
			name: "too long", args: slices.Concat(still, x264()),
			rules: Rules{MaxDuration: 4 * time.Second}, code: CodeTooLong,
		},
		{name: "silence", args: slices.Concat(silent, x264()), want: time.Second},
		{
			name: "too short without the silence", args: slices.Concat(silent, x264()), code: CodeTooShort,
			rules: Rules{MinDuration: 5 * time.Second},
		},
		{
			name: "too short without the sound", args: slices.Concat(still, x264()), code: CodeTooShort,
			rules: Rules{MinDuration: 5 * time.Second, RemoveAudio: true},
		},
		{
			name: "the start after everything", args: slices.Concat(still, x264()),
			start: 7 * time.Second, code: CodeStartBeyondEnd,
		},
		{
			name: "the start after everything in a live WebM", ext: ".webm", args: slices.Concat(still, live),
			start: 7 * time.Second, code: CodeStartBeyondEnd,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := jobFor(t, cliptest.Make(t, "in"+or(c.ext, ".mp4"), c.args...))
			j.Rules, j.Start = c.rules, c.start
			if c.code != "" {
				_, err := p.Process(t.Context(), j)
				wantCode(t, err, c.code)
				return
			}
			r := mustProcess(t, p, j)
			rate := inspect(t, r.Video).stream("video").RRate
			checkClean(t, r, rate, !c.rules.RemoveAudio)
			if got := r.Duration - 2*briefBumper; (got - c.want).Abs() > 90*time.Millisecond {
				t.Errorf("lasts %v, want %v", got, c.want)
			}
		})
	}
}

// The rules bind a file that states no length, and one whose length has two readings.
func TestRulesBindAFileThatStatesNoLength(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	live := slices.Concat(lavfi("testsrc2=s=64x36:r=15:d=3"), []string{
		"-c:v", "libvpx", "-deadline", "realtime", "-b:v", "100k", "-f", "webm", "-live", "1",
	})
	in := cliptest.Make(t, "in.webm", live...)
	for _, c := range []struct {
		rules Rules
		code  string
	}{
		{Rules{MinDuration: 4 * time.Second}, CodeTooShort},
		{Rules{MaxDuration: 2 * time.Second}, CodeTooLong},
		{Rules{MinDuration: 3 * time.Second, MaxDuration: 3 * time.Second}, ""},
	} {
		j := jobFor(t, in)
		j.Rules = c.rules
		_, err := p.Process(t.Context(), j)
		if c.code != "" {
			wantCode(t, err, c.code)
		} else if err != nil {
			t.Errorf("%v: %v", c.rules, err)
		}
	}
}

// mkvmerge's tag is the length alone; that of ffmpeg counts from 0.
func TestLateMatroskaKeepsItsLength(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	ffmpegs := readClip(t, "in.mkv", slices.Concat(lavfi("testsrc2=s=64x36:r=30:d=3"), lavfi(tone+":d=3"),
		x264("-output_ts_offset", "5"))...)
	mkvmerges := bytes.ReplaceAll(ffmpegs, []byte("00:00:08.000000000"), []byte("00:00:03.000000000"))
	if bytes.Equal(ffmpegs, mkvmerges) {
		t.Fatal("no tag to change")
	}
	for name, data := range map[string][]byte{"ffmpeg": ffmpegs, "mkvmerge": mkvmerges} {
		r := mustProcess(t, p, jobFor(t, writeFile(t, "in.mkv", data)))
		if got := r.Duration - 2*briefBumper; (got - 3*time.Second).Abs() > 50*time.Millisecond {
			t.Errorf("%s: lasts %v", name, got)
		}
		j := jobFor(t, writeFile(t, "in.mkv", data))
		j.Rules.MaxDuration = 2 * time.Second
		_, err := p.Process(t.Context(), j)
		wantCode(t, err, CodeTooLong)
	}
}

// A header's rate is no verdict: what the pictures show counts.
func TestARateThatNobodyConfirmsIsNoVerdict(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	patched := func(name, from, to string, args ...string) string {
		old, err1 := hex.DecodeString(from)
		fresh, err2 := hex.DecodeString(to)
		data := readClip(t, name, args...)
		if err1 != nil || err2 != nil || !bytes.Contains(data, old) {
			t.Fatalf("%s has no %s", name, from)
		}
		return writeFile(t, name, bytes.ReplaceAll(data, old, fresh))
	}
	vp8 := slices.Concat(lavfi("testsrc2=s=320x180:r=25:d=1"), lavfi(tone+":d=1"),
		[]string{"-c:v", "libvpx", "-deadline", "realtime", "-b:v", "200k", "-c:a", "libopus"})
	one := cliptest.Make(t, "one.mp4", slices.Concat(lavfi("testsrc2=s=320x180:r=30:d=0.03"), x264())...)
	for _, c := range []struct {
		name, file, rate string
		content          time.Duration
	}{
		{"1 ms a picture", patched("in.webm", "23e3838402625a00", "23e38384000f4240", vp8...), "25/1", time.Second},
		{"5 ms a picture", patched("in.webm", "23e3838402625a00", "23e38384004c4b40", vp8...), "25/1", time.Second},
		{
			"one picture of 11 µs", cliptest.Make(t, "in.mp4", "-i", one, "-c", "copy", "-bsf:v", "setts=duration=1",
				"-video_track_timescale", "90000"), "30/1", 33 * time.Millisecond,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := mustProcess(t, p, jobFor(t, c.file))
			checkClean(t, r, c.rate, strings.HasSuffix(c.file, ".webm"))
			if got := r.Duration - 2*briefBumper; (got - c.content).Abs() > 45*time.Millisecond {
				t.Errorf("lasts %v, want %v", got, c.content)
			}
		})
	}
	// One that the pictures confirm is one.
	fast := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc2=s=64x36:r=1000:d=0.5"), x264())...)
	_, err := p.Process(t.Context(), jobFor(t, fast))
	wantCode(t, err, CodeTooComplex)
}
