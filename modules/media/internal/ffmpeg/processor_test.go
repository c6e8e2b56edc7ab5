package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

const (
	introAt30 = 2500 * time.Millisecond
	tone      = "sine=frequency=440:sample_rate=48000"
)

func TestLandscapeAt60BecomesBrandedAt30(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "color=0x204080:s=1920x1080:r=60:d=4", "-f", "lavfi", "-i", tone+":d=4",
		"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-shortest",
		"-metadata", "title=TOPSECRET", "-metadata", "location=+40.71-074.00/", "-movflags", "use_metadata_tags")
	var seen []Progress
	j := jobFor(t, in)
	j.Progress = func(p Progress) { seen = append(seen, p) }
	r := process(t, p, j)
	checkClean(t, r, "30/1", true)
	if r.Duration != 9*time.Second {
		t.Errorf("lasts %v, want 2.5 s + 4 s + 2.5 s", r.Duration)
	}

	body := frameAt(t, r.Video, introAt30+2*time.Second)
	if c := body.At(400, 400); !near(c, color.RGBA{0x20, 0x40, 0x80, 255}, 6) {
		t.Errorf("the clip's colour is %v", c)
	}
	// The watermark is 200×48, 10 px from the top right corner; the star in it is at its left.
	if c := body.At(1280-10-200+27, 10+25); near(c, color.RGBA{0x20, 0x40, 0x80, 255}, 40) {
		t.Errorf("no watermark: %v", c)
	}
	if c := body.At(1275, 5); !near(c, color.RGBA{0x20, 0x40, 0x80, 255}, 8) {
		t.Errorf("the margin is painted: %v", c)
	}
	// The star of the intro is gold, and the first picture of the clip is not the intro's last.
	if c := frameAt(t, r.Video, 1800*time.Millisecond).At(640, 200); !near(c, color.RGBA{255, 200, 90, 255}, 60) {
		t.Errorf("no star in the intro: %v", c)
	}
	if c := frameAt(t, r.Video, introAt30).At(400, 400); !near(c, color.RGBA{0x20, 0x40, 0x80, 255}, 6) {
		t.Errorf("at the seam: %v", c)
	}

	data, err := os.ReadFile(r.Video)
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"TOPSECRET", "+40.71", "Lavf"} {
		if bytes.Contains(data, []byte(leak)) {
			t.Errorf("the rendition carries %q", leak)
		}
	}
	if moov, mdat := bytes.Index(data, []byte("moov")), bytes.Index(data, []byte("mdat")); moov > mdat {
		t.Error("the index is behind the data: no fast start")
	}
	entries, err := os.ReadDir(j.Dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left in the folder: %v %v", entries, err)
	}
	if len(seen) < 3 || seen[0] != (Progress{"probing", 0}) || seen[len(seen)-1] != (Progress{"processing", 100}) {
		t.Errorf("progress: %v", seen)
	}
	for i := 1; i < len(seen); i++ {
		if seen[i].Percent < seen[i-1].Percent {
			t.Errorf("progress falls: %v", seen)
		}
	}
}

func TestLongClipIsCutAtThirtySeconds(t *testing.T) {
	t.Parallel()
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=75", "-c:v", "libx264", "-preset", "ultrafast")
	r := process(t, newProcessor(t, Options{}), jobFor(t, in))
	checkClean(t, r, "25/1", false)
	// 2.5 s are 62.5 pictures at 25 per second.
	if want := 35*time.Second + 40*time.Millisecond; (r.Duration - want).Abs() > 40*time.Millisecond {
		t.Errorf("lasts %v, want %v", r.Duration, want)
	}
}

// A container may have fewer processors than the machine. Not parallel: the number is this process's.
func TestThreadsAreAsManyAsTheProcessMayUse(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	if p := newProcessor(t, Options{}); p.threads != 1 {
		t.Errorf("%d threads for one processor", p.threads)
	}
}

func TestRemoveAudio(t *testing.T) {
	t.Parallel()
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=320x180:r=30:d=1", "-f", "lavfi", "-i", tone+":d=1", "-c:v", "libx264", "-preset", "ultrafast")
	j := jobFor(t, in)
	j.Rules.RemoveAudio = true
	r := process(t, newProcessor(t, Options{}), j)
	checkClean(t, r, "30/1", false)
}

func TestRejections(t *testing.T) {
	t.Parallel()
	small := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=320x180:r=30:d=4", "-c:v", "libx264", "-preset", "ultrafast")
	sound := makeClip(t, "in.mp4", "-f", "lavfi", "-i", tone+":d=1", "-c:a", "aac", "-brand", "mp42")
	junk := filepath.Join(t.TempDir(), "junk.mp4")
	if err := os.WriteFile(junk, append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), make([]byte, 4096)...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file, code string
		options          Options
		rules            Rules
		start            time.Duration
	}{
		{name: "junk", file: junk, code: CodeNotAVideo},
		{name: "sound only", file: sound, code: CodeNoVideoStream},
		{name: "too short", file: small, code: CodeTooShort, rules: Rules{MinDuration: 20 * time.Second}},
		{name: "too long", file: small, code: CodeTooLong, rules: Rules{MaxDuration: 3 * time.Second}},
		{name: "too small", file: small, code: CodeResolutionLow, rules: Rules{MinHeight: 1080}},
		{name: "start behind the end", file: small, code: CodeStartBeyondEnd, start: 4 * time.Second},
		{name: "too many pixels", file: small, code: CodeTooComplex, options: Options{Limits: Limits{Pixels: 1000}}},
		{name: "longer than the limit", file: small, code: CodeTooLong, options: Options{Limits: Limits{SourceDuration: time.Second}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := jobFor(t, c.file)
			j.Start, j.Rules = c.start, c.rules
			_, err := newProcessor(t, c.options).Process(context.Background(), j)
			var r *Rejection
			if !errors.As(err, &r) || r.Code != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
		})
	}
}

// slowFFmpeg takes 20 s for each second of a clip, and hardly any CPU time.
const slowFFmpeg = "../../../../infra/e2e/testdata/slow/ffmpeg"

func TestCancelEndsTheRunAtOnce(t *testing.T) {
	t.Parallel()
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=1280x720:r=30:d=30", "-c:v", "mpeg4", "-q:v", "5")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	j := jobFor(t, in)
	var cancelled time.Time
	told := 0
	j.Progress = func(p Progress) {
		if p.Step == "processing" {
			told++
		}
		if told > 1 && cancelled.IsZero() { // the first time it was not ffmpeg that spoke
			cancelled = time.Now()
			cancel()
		}
	}
	_, err := newProcessor(t, Options{FFmpeg: slowFFmpeg}).Process(ctx, j)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if d := time.Since(cancelled); cancelled.IsZero() || d > time.Minute { // by itself it would end after five
		t.Errorf("took %v to stop", d)
	}
	if left := processesWith(t, j.Dir); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
}

func TestOurTroubleIsNotTheContestants(t *testing.T) {
	t.Parallel()
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=320x180:r=30:d=1", "-c:v", "libx264", "-preset", "ultrafast")
	j := jobFor(t, in)
	j.Dir = filepath.Join(j.Dir, "does-not-exist")
	_, err := newProcessor(t, Options{}).Process(context.Background(), j)
	var tool *ToolError
	if !errors.As(err, &tool) || tool.Stderr == "" {
		t.Fatalf("got %v, want a ToolError with ffmpeg's words", err)
	}
}

// A run that stood still until its wall time was over says nothing about the clip: it is tried again.
func TestABusyMachineIsNotTheContestantsFault(t *testing.T) {
	t.Parallel()
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=320x180:r=30:d=30", "-c:v", "libx264", "-preset", "ultrafast")
	p := newProcessor(t, Options{FFmpeg: slowFFmpeg, Limits: Limits{Base: 10 * time.Second, Wall: time.Millisecond}})
	_, err := p.Process(t.Context(), jobFor(t, in))
	if _, ok := errors.AsType[*ToolError](err); !ok || !errors.Is(err, errStarved) {
		t.Errorf("got %v, want a ToolError for a run that waited", err)
	}
}

// processesWith lists running processes that have text in their command line.
func processesWith(t *testing.T, text string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil && bytes.Contains(data, []byte(text)) {
			found = append(found, f)
		}
	}
	return found
}
