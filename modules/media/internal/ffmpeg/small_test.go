package ffmpeg

import (
	"bytes"
	"fmt"
	"image/color"
	"image/jpeg"
	"os"
	"slices"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// withSmall is jobFor with the small rendition.
func withSmall(t testing.TB, file string) Job {
	t.Helper()
	j := jobFor(t, file)
	j.Rules.NoSmall = false
	return j
}

// An upright clip fills an upright phone, also if it is stored lying; every other is as wide as the big rendition.
func TestTheSmallRenditionFitsItsClip(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	clip := func(size string) []byte {
		return readClip(t, "in.mp4", slices.Concat(quarters(size, "30", 0.3), lavfi(tone+":d=0.3"),
			h264("-colorspace", "bt709", "-c:a", "aac"))...)
	}
	turned := setMatrix(t, clip("192x108"), [4]int32{0, 1, -1, 0})
	for _, c := range []struct {
		name  string
		file  []byte
		frame size
		w, h  int // of the picture in it
		want  [4]color.RGBA
	}{
		{"lying", clip("192x108"), size{640, 360}, 640, 360, upright4},
		{"upright", clip("108x192"), size{360, 640}, 360, 640, upright4},
		{"upright, stored lying", turned, size{360, 640}, 360, 640, [4]color.RGBA{blue, red, yellow, green}},
		{"upright, less narrow", clip("96x128"), size{360, 640}, 360, 480, upright4},
		{"square", clip("120x120"), size{640, 360}, 360, 360, upright4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := mustProcess(t, p, withSmall(t, writeFile(t, "in.mp4", c.file)))
			if r.Small.Width != c.frame.width || r.Small.Height != c.frame.height {
				t.Fatalf("the small rendition is %+v, want %s", r.Small, c.frame)
			}
			checkClean(t, r, "30/1", true)
			checkSmall(t, r)
			img := picturesOf(t, r.Small.File, c.frame, numberAt30(100*time.Millisecond))[0]
			checkQuarters(t, img, c.w, c.h, c.want)
			// The watermark is at the top right of the frame, whether there is a picture or a bar.
			lit := 0
			for x := c.frame.width - 100; x < c.frame.width-5; x++ {
				for y := 6; y < 28; y++ {
					if near(img.At(x, y), color.RGBA{255, 255, 255, 255}, 90) {
						lit++
					}
				}
			}
			if lit < 20 {
				t.Errorf("%d bright points where the watermark is", lit)
			}
		})
	}
}

// checkSmall checks that the small rendition is the other one in another size.
func checkSmall(t *testing.T, r Result) {
	t.Helper()
	big, small := inspect(t, r.Video), inspect(t, r.Small.File)
	bv, sv := big.stream("video"), small.stream("video")
	if sv == nil || bv == nil || len(small.Streams) != len(big.Streams) {
		t.Fatalf("the streams are %+v, those of the big rendition %+v", small.Streams, big.Streams)
	}
	want := fmt.Sprint(bv.Codec, bv.Profile, bv.PixFmt, bv.SAR, bv.Range, bv.Space, bv.RRate, bv.Frames, bv.Duration)
	got := fmt.Sprint(sv.Codec, sv.Profile, sv.PixFmt, sv.SAR, sv.Range, sv.Space, sv.RRate, sv.Frames, sv.Duration)
	if got != want || sv.Width != r.Small.Width || sv.Height != r.Small.Height {
		t.Errorf("the picture is %s, %d×%d; want %s, %d×%d",
			got, sv.Width, sv.Height, want, r.Small.Width, r.Small.Height)
	}
	checkTimestamps(t, small)
	if ba, sa := big.stream("audio"), small.stream("audio"); ba != nil &&
		(sa.Codec != "aac" || sa.SampleRate != ba.SampleRate || sa.Channels != 2 || sa.Duration != ba.Duration) {
		t.Errorf("the sound is %+v, want as %+v", *sa, *ba)
	}
	out := ffmpegRun(t, "-v", "warning", "-xerror", "-i", r.Small.File, "-f", "null", "-")
	if len(out) > 0 {
		t.Errorf("decoding the small rendition: %s", out)
	}
}

// Noise takes more bytes than any real picture: what must load on a bad line stays small even then.
func TestSmallRenditionAndPostersAreBounded(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("color=gray:s=640x360:r=30:d=6,noise=alls=100:allf=t"),
		lavfi("anoisesrc=c=white:a=0.5:d=6"), x264("-crf", "18", "-c:a", "aac"))...)
	r := mustProcess(t, builtIn(t), withSmall(t, in))
	st, err := os.Stat(r.Small.File)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(2_500_000 * r.Duration.Seconds() / 35); st.Size() > most {
		t.Errorf("the small rendition of %v has %d bytes, want at most %d", r.Duration, st.Size(), most)
	}
	checkPosters(t, r)
}

func TestEveryPosterIsAtItsBestQuality(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=1"), x264())...)
	r := mustProcess(t, newProcessor(t, Options{}), jobFor(t, in))
	checkPosters(t, r)
	for i, p := range r.Posters {
		want := fmt.Sprintf("poster-%d-%d.jpg", posterSizes()[i].width, posterQualities()[0])
		if got := p.File[len(p.File)-len(want):]; got != want {
			t.Errorf("the poster is %s, want %s, because a plain picture is small", got, want)
		}
	}
}

func checkPosters(t *testing.T, r Result) {
	t.Helper()
	if r.Posters[0].File != r.Poster {
		t.Errorf("the first of %v is not %s", r.Posters, r.Poster)
	}
	for i, most := range []int{90_000, 40_000, 15_000} {
		p := r.Posters[i]
		data, err := os.ReadFile(p.File)
		if err != nil {
			t.Fatal(err)
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || config.Width != p.Width || config.Height != p.Height ||
			p.Width != 1280>>i || p.Height != 720>>i {
			t.Errorf("poster %+v is %d×%d (%v)", p, config.Width, config.Height, err)
		}
		if len(data) > most {
			t.Errorf("poster %+v has %d bytes, want at most %d", p, len(data), most)
		}
	}
}
