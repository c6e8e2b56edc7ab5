package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/assets"
	"risingstars/infra/cliptest"
)

// numberAt30 is the number of the picture that a rendition at 30 frames/s shows at a time of the clip.
func numberAt30(at time.Duration) int { return rational{30, 1}.frames(briefBumper + at) }

func TestLandscapeAt60BecomesBrandedAt30(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := builtIn(t)
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("color=0x204080:s=1920x1080:r=60:d=2"), lavfi(tone+":d=2"),
		x264("-c:a", "aac", "-shortest", "-movflags", "use_metadata_tags",
			"-metadata", "title=TOPSECRET", "-metadata", "location=+40.71-074.00/"))...)
	var reports []Progress
	j := jobFor(t, in)
	j.Progress = func(p Progress) { reports = append(reports, p) }
	r := mustProcess(t, p, j)
	pictures := checkClean(t, r, "30/1", true, 54, 75, 75+30)
	intro, seam, body := pictures[0], pictures[1], pictures[2]
	if r.Duration != 7*time.Second {
		t.Errorf("lasts %v, want 2.5 s + 2 s + 2.5 s", r.Duration)
	}

	blue := color.RGBA{0x20, 0x40, 0x80, 255}
	if c := body.At(400, 400); !near(c, blue, 6) {
		t.Errorf("the clip's colour is %v", c)
	}
	checkWatermark(t, body, blue)
	// The star of the intro is gold, and the first picture of the clip is not the intro's last.
	if c := intro.At(640, 200); !near(c, color.RGBA{255, 200, 90, 255}, 60) {
		t.Errorf("no star in the intro: %v", c)
	}
	if c := seam.At(400, 400); !near(c, blue, 6) {
		t.Errorf("at the seam: %v", c)
	}

	data, err := os.ReadFile(r.Video)
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"TOPSECRET", "+40.71", "Lavf"} {
		if bytes.Contains(data, []byte(leak)) {
			t.Errorf("the rendition contains %q", leak)
		}
	}
	if moov, mdat := bytes.Index(data, []byte("moov")), bytes.Index(data, []byte("mdat")); moov > mdat {
		t.Error("the index is behind the data: no fast start")
	}
	entries, err := os.ReadDir(j.Dir)
	if err != nil || len(entries) != 4 { // the rendition and three posters
		t.Errorf("left in the folder: %v %v", entries, err)
	}
	first, last := Progress{"probing", 0}, Progress{"processing", 100}
	if len(reports) < 3 || reports[0] != first || reports[len(reports)-1] != last {
		t.Errorf("progress: %v", reports)
	}
	for i := 1; i < len(reports); i++ {
		if reports[i].Percent < reports[i-1].Percent {
			t.Errorf("progress falls: %v", reports)
		}
	}
}

func TestLongClipIsCutAtThirtySeconds(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("color=gray:s=64x36:r=25:d=32"), x264())...)
	r := mustProcess(t, newProcessor(t, Options{}), jobFor(t, in))
	checkClean(t, r, "25/1", false)
	if want := 30*time.Second + 2*briefBumper; (r.Duration - want).Abs() > 40*time.Millisecond {
		t.Errorf("lasts %v, want %v", r.Duration, want)
	}
}

// A container may have fewer processors than the machine. Not parallel, because the number applies to the whole
// process.
func TestThreadsAreAsManyAsTheProcessMayUse(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	p, err := New(Options{CacheDir: t.TempDir(), Branding: assets.Branding()})
	if err != nil || p.threads != 1 {
		t.Errorf("%d threads for one processor (%v)", p.threads, err)
	}
}

func TestRejections(t *testing.T) {
	t.Parallel()
	small := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=4"), x264())...)
	sound := cliptest.Make(t, "in.m4a", slices.Concat(lavfi(tone+":d=1"), []string{"-c:a", "aac"})...)
	start := []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom")
	junk := writeFile(t, "junk.mp4", append(start, make([]byte, 4096)...))
	for _, c := range []struct {
		name, file, code string
		rules            Rules
		limits           Limits
		start            time.Duration
	}{
		{name: "junk", file: junk, code: CodeNotAVideo},
		{name: "sound only", file: sound, code: CodeNoVideoStream},
		{name: "too short", file: small, code: CodeTooShort, rules: Rules{MinDuration: 20 * time.Second}},
		{name: "too long", file: small, code: CodeTooLong, rules: Rules{MaxDuration: 3 * time.Second}},
		{name: "too small", file: small, code: CodeResolutionLow, rules: Rules{MinHeight: 1080}},
		{name: "start after the end", file: small, code: CodeStartBeyondEnd, start: 4 * time.Second},
		{name: "too many pixels", file: small, code: CodeTooComplex, limits: Limits{Pixels: 1000}},
		{name: "longer than the limit", file: small, code: CodeTooLong, limits: Limits{SourceDuration: time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := jobFor(t, c.file)
			j.Start, j.Rules = c.start, c.rules
			_, err := newProcessor(t, Options{Limits: c.limits}).Process(t.Context(), j)
			wantCode(t, err, c.code)
		})
	}
}

// slowFFmpeg takes 20 s for each second of a clip, and hardly any CPU time.
const slowFFmpeg = "../../../../infra/e2e/testdata/slow/ffmpeg"

// thirtySeconds is a clip for slowFFmpeg, which would take ten minutes.
func thirtySeconds(t *testing.T) string {
	t.Helper()
	return cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=30"), x264())...)
}

func TestCancelEndsTheRunAtOnce(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	j := jobFor(t, thirtySeconds(t))
	var cancelled time.Time
	reports := 0
	j.Progress = func(p Progress) {
		if p.Step == "processing" {
			reports++
		}
		if reports > 1 && cancelled.IsZero() { // ffmpeg's first report; the one before it was ours
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

func TestOurFailureIsNotTheContestantsFault(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	j := jobFor(t, cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=1"), x264())...))
	j.Dir = filepath.Join(j.Dir, "does-not-exist")
	_, err := newProcessor(t, Options{}).Process(t.Context(), j)
	var tool *ToolError
	if !errors.As(err, &tool) || tool.Stderr == "" {
		t.Fatalf("got %v, want a ToolError with ffmpeg's messages", err)
	}
}

// A run that stood still until its wall time was over proves nothing about the clip, so it is tried again.
func TestABusyMachineIsNotTheContestantsFault(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{FFmpeg: slowFFmpeg, Limits: Limits{Base: 10 * time.Second, Wall: time.Millisecond}})
	_, err := p.Process(t.Context(), jobFor(t, thirtySeconds(t)))
	if _, ok := errors.AsType[*ToolError](err); !ok || !errors.Is(err, errStarved) {
		t.Errorf("got %v, want a ToolError for a run that waited", err)
	}
}

func TestInspectFindsACompleteFFmpeg(t *testing.T) {
	t.Parallel()
	tools, err := newProcessor(t, Options{}).Inspect(t.Context())
	if err != nil || tools.Version == "" || len(tools.Missing) > 0 {
		t.Errorf("%+v, %v", tools, err)
	}
}

// Each start of a worker would otherwise ask for all lists.
func TestACompleteFFmpegIsInspectedOnce(t *testing.T) {
	t.Parallel()
	asked := filepath.Join(t.TempDir(), "asked")
	program := standIn(t, "echo \"$*\" >>"+asked)
	cache := t.TempDir()
	lists := func() int {
		out, err := os.ReadFile(asked)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(out), "-hide_banner -filters\n")
	}
	for range 2 {
		version, err := newProcessor(t, Options{FFmpeg: program, CacheDir: cache}).Check(t.Context())
		if err != nil || version == "" || lists() != 1 {
			t.Errorf("version %q, %v; asked %d times for the filters", version, err, lists())
		}
	}

	lame := standIn(t, `if [[ $* == *-filters* ]]; then exec echo " ... afade A->A Fade."; fi`)
	for range 2 {
		_, err := newProcessor(t, Options{FFmpeg: lame, CacheDir: cache}).Check(t.Context())
		if err == nil || !strings.Contains(err.Error(), "lacks filter adelay") {
			t.Errorf("a build that lacks filters: %v", err)
		}
	}
}

// processesWith lists the running processes that have text in their command line.
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
	if len(files) > 0 {
		return found
	}
	// Without /proc, as on macOS.
	out, err := exec.Command("ps", "-axww", "-o", "command=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// What an operator reads of a task that has died is the error's text.
func TestAToolsErrorEndsWithItsLastWords(t *testing.T) {
	t.Parallel()
	err := &ToolError{
		Step: "join", Err: errors.New("exit status 1"), Stderr: "a long story\n out.mp4: Invalid argument\n",
	}
	if got := err.Error(); got != "ffmpeg join: exit status 1: out.mp4: Invalid argument" {
		t.Errorf("%q", got)
	}
}
