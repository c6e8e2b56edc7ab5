package ffmpeg

import (
	"bytes"
	"fmt"
	"image/color"
	"slices"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// HDR sources of known light: code values computed from SMPTE ST 2084 and ARIB STD-B67 for the patches of BT.2408.
func TestHDRBecomesSDR(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name, transfer                   string
		black, grey, white, bright, dark int // 10-bit luma: black, 26 cd/m², 203 cd/m², 1000 cd/m², 1 cd/m²
	}{
		{"HDR10", "smpte2084", 64, 394, 573, 723, 194},
		{"HLG", "arib-std-b67", 64, 398, 721, 940, 119},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bars := lavfi(fmt.Sprintf("nullsrc=s=320x180:r=30:d=0.3,format=yuv420p10le,"+
				"geq=lum='if(lt(X,64),%d,if(lt(X,128),%d,if(lt(X,192),%d,if(lt(X,256),%d,%d))))':cb=512:cr=512",
				c.black, c.dark, c.grey, c.white, c.bright))
			in := cliptest.Make(t, "in.mp4", append(bars, "-c:v", "libx265", "-preset", "ultrafast", "-crf", "8",
				"-x265-params", "log-level=none:hdr10=1:colorprim=bt2020:colormatrix=bt2020nc:transfer="+c.transfer,
				"-tag:v", "hvc1", "-pix_fmt", "yuv420p10le")...)
			r := mustProcess(t, p, jobFor(t, in))
			img := checkClean(t, r, "30/1", false, numberAt30(100*time.Millisecond))[0]
			level := func(bar int) int {
				v, _, _, _ := img.At(128+256*bar, 360).RGBA()
				return int(v >> 8)
			}
			black, dark, grey, white, bright := level(0), level(1), level(2), level(3), level(4)
			// A lifted black and a dull white would look washed out.
			if black > 4 || dark > 40 || grey < 70 || grey > 130 || white < 185 || white > 240 || bright < white+10 {
				t.Errorf("black %d, 1 cd/m² %d, 26 cd/m² %d, 203 cd/m² %d, 1000 cd/m² %d",
					black, dark, grey, white, bright)
			}
			for bar := range 5 {
				v := uint8(level(bar))
				if got := img.At(128+256*bar, 360); !near(got, color.RGBA{v, v, v, 255}, 4) {
					t.Errorf("bar %d has a tint: %v", bar, got)
				}
			}
		})
	}
}

// The poster comes from the one sharp and bright stretch of a clip that is otherwise black, flat or blurred.
func TestPosterShowsTheSharpPart(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := cliptest.Make(t, "in.mp4", slices.Concat(
		lavfi("color=black:s=640x360:r=30:d=2"), lavfi("testsrc=s=640x360:r=30:d=1.5"),
		lavfi("testsrc=s=640x360:r=30:d=4.5"), lavfi("color=0x909090:s=640x360:r=30:d=2"),
		[]string{"-filter_complex", "[2]gblur=sigma=30[blur];[0][blur][1][3]concat=n=4"}, x264())...)
	r := mustProcess(t, newProcessor(t, Options{}), jobFor(t, in))
	blurred, sharp := numberAt30(4*time.Second), numberAt30(7250*time.Millisecond)
	pictures := picturesAt(t, r.Video, blurred, sharp)
	poster := picturesAt(t, r.Poster, 0)[0]
	agreement := func(i int) int {
		n := 0
		left := outWidth - watermarkMargin - 210
		for y := 20; y < 720; y += 20 {
			for x := 20; x < left; x += 20 {
				if near(poster.At(x, y), pictures[i].RGBAAt(x, y), 24) {
					n++
				}
			}
		}
		return n * 100 / (35 * ((left - 1) / 20))
	}
	if blurred, sharp := agreement(0), agreement(1); sharp < 85 || blurred > sharp-5 {
		t.Errorf("the poster matches the sharp part to %d %% and the blurred one to %d %%", sharp, blurred)
	}
}

// A recorded call changes its size when the connection does; by default, ffmpeg would then restart its filters, and
// time with them.
func TestPicturesThatChangeSize(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	var joined [][]byte
	for _, size := range []string{"320x180", "640x360"} {
		joined = append(joined, readClip(t, "part.ts", slices.Concat(quarters(size, "30", 1),
			h264("-colorspace", "bt709", "-bf", "0"))...))
	}
	stream := writeFile(t, "joined.ts", bytes.Join(joined, nil))
	r := mustProcess(t, newProcessor(t, Options{}), jobFor(t, cliptest.Make(t, "in.mkv", "-i", stream, "-c", "copy")))
	pictures := checkClean(t, r, "30/1", false, numberAt30(500*time.Millisecond), numberAt30(1500*time.Millisecond))
	if d := (r.Duration - 2*time.Second - 2*briefBumper).Abs(); d > 100*time.Millisecond {
		t.Errorf("lasts %v", r.Duration)
	}
	for _, img := range pictures {
		checkQuarters(t, img, 1280, 720, upright4)
	}
}

// The filter for interlaced pictures refuses such small ones.
func TestATinyInterlacedPictureIsPublished(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	for _, size := range []string{"64x2", "2x64", "16x16"} {
		in := cliptest.Make(t, "in.mkv", append(lavfi("testsrc2=s="+size+":r=25:d=0.3"),
			"-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-top", "1", "-field_order", "tt")...)
		checkClean(t, mustProcess(t, p, jobFor(t, in)), "25/1", false)
	}
}

// Intro, clip and outro share one header; streams with different ones would play with broken pictures after the seam.
func TestBumpersAndClipHaveTheSameHeader(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := builtIn(t)
	for i, rate := range outputRates() {
		in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc2=s=640x360:r="+rate.String()+":d=0.5"),
			[]string{"-c:v", "libx264", "-preset", "ultrafast"})...)
		j := jobFor(t, in)
		j.Rules.NoSmall = i > 0
		m, err := p.probe(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		pl, err := p.plan(j, m)
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.bumpers(t.Context(), rate, bigSize())
		if err != nil {
			t.Fatal(err)
		}
		small := bumpers{}
		if pl.hasSmall() {
			if small, err = p.bumpers(t.Context(), rate, pl.small.frame); err != nil {
				t.Fatal(err)
			}
		}
		c, err := p.encode(t.Context(), pl, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		seams := c.seams(j.Dir, b, small)
		if err := p.join(t.Context(), pl, b, c, seams); err != nil {
			t.Fatal(err)
		}
		header := func(file string) string { return inspect(t, file).stream("video").Extradata }
		for _, s := range seams {
			intro, clip, outro, result := header(s.intro), header(s.clip), header(s.outro), header(s.out)
			if intro == "" || intro != clip || intro != outro || intro != result {
				t.Errorf("%s: intro %s, clip %s, outro %s, result %s", rate, intro, clip, outro, result)
			}
		}
	}
}
