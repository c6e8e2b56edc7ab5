package ffmpeg

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/assets"
	"risingstars/infra/cliptest"
	"risingstars/platform/branding"
)

// brandFolder is a folder of an operator. Files are copied into it under the names.
func brandFolder(t *testing.T, settings string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range files {
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "branding.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// branded returns a Processor with the branding of a folder.
func branded(t *testing.T, dir string) *Processor {
	t.Helper()
	b, _, err := branding.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{CacheDir: cliptest.Bumpers(), Branding: assets.Branding(), Brand: b})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// onePicture writes a PNG of one colour.
func onePicture(t *testing.T, w, h int, c color.Color) string {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	path := filepath.Join(t.TempDir(), "picture.png")
	file, err := os.Create(path)
	if err == nil {
		err = png.Encode(file, img)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	brandBlue  = color.RGBA{20, 40, 200, 255}
	brandGreen = color.RGBA{20, 160, 60, 255}
)

// Whatever bumpers there are, the picture has exactly their frames, the sound stays with the picture, and a bumper is
// fitted into the frame: blue fills the height alone, green the width alone.
func TestBumpersOfABranding(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	// Its sound is left out.
	video := cliptest.Make(t, "intro.mp4", slices.Concat(lavfi("color="+lavfiColor(brandBlue)+":s=160x320:r=24:d=0.75"),
		lavfi(tone), []string{"-shortest", "-c:a", "aac"}, h264())...)
	picture := onePicture(t, 640, 100, brandGreen)
	const videoLength = 750 * time.Millisecond
	for _, c := range []struct {
		name, settings string
		files          map[string]string
		intro, outro   time.Duration
		silent         bool
	}{
		{name: "built in", intro: bumperLength, outro: bumperLength},
		{name: "none", settings: "intro: none\noutro: none"},
		{
			name: "intro alone", settings: "outro: none", files: map[string]string{"intro.mp4": video},
			intro: videoLength,
		},
		{
			name: "outro alone", settings: "intro: none\noutro: 0.9", files: map[string]string{"outro.png": picture},
			outro: 900 * time.Millisecond,
		},
		{
			name: "both, the longest", files: map[string]string{"intro.mp4": video, "outro.png": picture},
			intro: videoLength, outro: branding.LongestBumper,
		},
		{name: "without sound", settings: "intro: none\noutro: none", silent: true},
	} {
		for _, rate := range []string{"30", "24"} {
			t.Run(c.name+" "+rate, func(t *testing.T) {
				t.Parallel()
				p := branded(t, brandFolder(t, c.settings+"\n", c.files))
				j := jobFor(t, cliptest.Make(t, "in.mp4", slices.Concat(flashes(rate, 2, 1), x264())...))
				j.Rules.RemoveAudio, j.Rules.NoSmall = c.silent, false
				r := mustProcess(t, p, j)
				fps := parseRational(inspect(t, r.Video).stream("video").RRate)
				intro, outro := fps.frames(c.intro), fps.frames(c.outro)
				want := intro + fps.frames(2*time.Second) + outro
				for _, file := range []string{r.Video, r.Small.File} {
					if got := inspect(t, file).stream("video").Frames; got != fmt.Sprint(want) {
						t.Errorf("%s has %s frames, want %d", filepath.Base(file), got, want)
					}
				}
				if d := (r.Duration - fps.span(want)).Abs(); d > time.Millisecond {
					t.Errorf("lasts %v, want %v", r.Duration, fps.span(want))
				}
				if c.files["intro.mp4"] != "" {
					checkArea(t, picturesAt(t, r.Video, intro/2)[0], image.Rect(460, 0, 820, 720), brandBlue)
				}
				if c.files["outro.png"] != "" {
					checkArea(t, picturesAt(t, r.Video, want-outro/2)[0], image.Rect(0, 260, 1280, 460), brandGreen)
				}
				if c.silent {
					return
				}
				pictures, sound := signals(t, r.Video, true)
				checkFlashes(t, pictures[intro:want-outro], sound[samplesAt(fps, intro):], fps)
				// Under the bumpers there is silence.
				if quiet := sound[:max(0, samplesAt(fps, intro)-sampleRate/50)]; loudest(quiet) > 0.01 {
					t.Errorf("the intro has sound: %g", loudest(quiet))
				}
			})
		}
	}
}

func samplesAt(fps rational, frames int) int { return int(float64(frames) / fps.float() * sampleRate) }

func loudest(sound []float64) (peak float64) {
	for _, v := range sound {
		peak = max(peak, math.Abs(v))
	}
	return peak
}

// checkFlashes compares the first flash and the first beep of a clip.
func checkFlashes(t *testing.T, pictures, sound []float64, fps rational) {
	t.Helper()
	seen := slices.IndexFunc(pictures, func(v float64) bool { return v > 180 })
	heard := slices.IndexFunc(sound, func(v float64) bool { return math.Abs(v) > 0.05 })
	if seen < 0 || heard < 0 {
		t.Fatalf("flash in picture %d, beep at sample %d", seen, heard)
	}
	if d := float64(seen)/fps.float() - float64(heard)/sampleRate; math.Abs(d) > 0.040 {
		t.Errorf("flash and beep are %.0f ms apart", d*1000)
	}
}

// checkArea looks for one colour in an area of a picture, and for black around it.
func checkArea(t *testing.T, img *image.RGBA, want image.Rectangle, c color.RGBA) {
	t.Helper()
	got := boundsOf(img.Bounds(), func(x, y int) bool { return near(img.At(x, y), c, 12) })
	other := boundsOf(img.Bounds(), func(x, y int) bool { return !near(img.At(x, y), color.RGBA{A: 255}, 12) })
	if !got.In(want.Inset(-4)) || !want.In(got.Inset(-4)) || !other.In(want.Inset(-4)) {
		t.Errorf("the colour is at %v, something at %v, want both at %v", got, other, want)
	}
}

// The picture's own shape counts: 200×100 pixels that are 20 % wide are 256×128, and half of that on a small rendition,
// be it lying or upright.
func TestOwnWatermarkLiesWhereItShould(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	gray := color.RGBA{60, 60, 60, 255}
	const w, h, margin = 256, 128, 64
	for place, at := range map[string]image.Point{ // 0: at the left or the top; 1: at the right or the bottom
		"top-right": {1, 0}, "top-left": {0, 0}, "bottom-right": {1, 1}, "bottom-left": {0, 1},
	} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			dir := brandFolder(t, "watermark: {place: "+place+", width: 20, margin: 5, opacity: 0.5}\n"+
				"intro: none\noutro: none\n", map[string]string{"watermark.png": onePicture(t, 200, 100, brandGreen)})
			p := branded(t, dir)
			check := func(r Rendition, part int) {
				t.Helper()
				corner := image.Pt(margin/part, margin/part)
				corner.X += at.X * (r.Width - 2*corner.X - w/part)
				corner.Y += at.Y * (r.Height - 2*corner.Y - h/part)
				want := image.Rect(0, 0, w/part, h/part).Add(corner)
				picture := picturesOf(t, r.File, size{r.Width, r.Height}, 3)[0]
				// The bars beside an upright picture are black.
				plain := func(c color.Color) bool { return near(c, gray, 12) || near(c, color.RGBA{A: 255}, 12) }
				got := boundsOf(picture.Bounds(), func(x, y int) bool { return !plain(picture.At(x, y)) })
				if !got.In(want.Inset(-3)) || !want.In(got.Inset(-3)) {
					t.Errorf("on %d×%d it is at %v, want %v", r.Width, r.Height, got, want)
				}
			}
			for _, size := range []string{"320x180", "180x320"} {
				in := cliptest.Make(t, "in.mp4",
					slices.Concat(lavfi("color="+lavfiColor(gray)+":s="+size+":r=30:d=0.2"), h264())...)
				j := jobFor(t, in)
				j.Rules.NoSmall = false
				r := mustProcess(t, p, j)
				check(r.Small, 2)
				if size == "320x180" {
					check(Rendition{r.Video, outWidth, outHeight}, 1)
					middle := picturesAt(t, r.Video, 3)[0].At(margin+w/2+at.X*(outWidth-2*margin-w),
						margin+h/2+at.Y*(outHeight-2*margin-h))
					if half := (color.RGBA{40, 110, 60, 255}); !near(middle, half, 8) {
						t.Errorf("its colour is %v, want %v", middle, half)
					}
				}
			}
		})
	}
}

// All that is wrong is said at once, when the Processor is created.
func TestBumpersThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	long := cliptest.Make(t, "long.mp4", slices.Concat(lavfi("testsrc2=s=64x36:r=30:d=2.6"), x264())...)
	live := cliptest.Make(t, "live.webm", slices.Concat(lavfi("testsrc2=s=64x36:r=30:d=4"),
		[]string{"-c:v", "libvpx", "-deadline", "realtime", "-live", "1"})...)
	good := readClip(t, "good.mp4", slices.Concat(lavfi("testsrc2=s=320x180:r=30:d=2"), x264())...)
	whole := cliptest.Make(t, "whole.mp4", slices.Concat(lavfi("testsrc2=s=64x36:r=30:d=2.5"), x264())...)
	sound := cliptest.Make(t, "sound.mp4", slices.Concat(lavfi(tone), []string{"-t", "1", "-c:a", "aac"})...)
	noPicture := slices.Clone(good)
	at := strings.Index(string(noPicture), "mdat")
	for i := at + 4; i < len(noPicture) && i < at+len(noPicture)/2; i++ {
		noPicture[i] = 0xFF
	}
	for _, c := range []struct {
		name, file, says string
	}{
		{"longer than it may be", long, "is longer than 2.5 s; cut it"},
		{"longer, and says nothing about it", live, "is longer than 2.5 s; cut it"},
		{"sound alone", sound, "is not a video"},
		{"cut off", writeFile(t, "cut.mp4", good[:len(good)/3]), "is not a video"},
		{"broken", writeFile(t, "broken.mp4", noPicture), "cannot be decoded; export it as H.264"},
		{"no video", writeFile(t, "text.mp4", []byte("<html>not found</html>")), "is not a video"},
		{"exactly as long as it may be", whole, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name := "intro" + filepath.Ext(c.file)
			b, _, err := branding.Read(brandFolder(t, "outro: none", map[string]string{name: c.file}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(Options{CacheDir: t.TempDir(), Branding: smallBranding(t), Brand: b})
			want := "the branding has problems:\n  - " + name + ": " + c.says
			if c.says == "" && err != nil || c.says != "" && (err == nil || err.Error() != want) {
				t.Errorf("says %v, want %s", err, want)
			}
		})
	}
}
