package ffmpeg

import (
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// HDR sources of known light: code values computed from SMPTE ST 2084 and ARIB STD-B67 for the patches of BT.2408.
func TestHDRBecomesSDR(t *testing.T) {
	t.Parallel()
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
			bars := fmt.Sprintf("nullsrc=s=320x180:r=30:d=0.3,format=yuv420p10le,geq=lum='if(lt(X,64),%d,if(lt(X,128),%d,if(lt(X,192),%d,if(lt(X,256),%d,%d))))':cb=512:cr=512",
				c.black, c.dark, c.grey, c.white, c.bright)
			in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", bars, "-c:v", "libx265", "-preset", "ultrafast", "-crf", "8", "-tag:v", "hvc1",
				"-x265-params", "log-level=none:hdr10=1:colorprim=bt2020:colormatrix=bt2020nc:transfer="+c.transfer, "-pix_fmt", "yuv420p10le")
			r := process(t, p, jobFor(t, in))
			checkClean(t, r, "30/1", false)
			img := frameAt(t, r.Video, introAt30+100*time.Millisecond)
			level := func(bar int) int {
				v, _, _, _ := img.At(128+256*bar, 360).RGBA()
				return int(v >> 8)
			}
			got := [5]int{level(0), level(1), level(2), level(3), level(4)}
			t.Logf("black %d, 1 cd/m² %d, 26 cd/m² %d, 203 cd/m² %d, 1000 cd/m² %d", got[0], got[1], got[2], got[3], got[4])
			// Washed out would be a lifted black and a dull white.
			if got[0] > 4 || got[1] > 40 || got[2] < 70 || got[2] > 130 || got[3] < 185 || got[3] > 240 || got[4] < got[3]+10 {
				t.Errorf("levels %v", got)
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

// The poster is taken from the one sharp and bright stretch of a clip that is black, flat or blurred otherwise.
func TestPosterIsATellingPicture(t *testing.T) {
	t.Parallel()
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "color=black:s=640x360:r=30:d=4", "-f", "lavfi", "-i", "testsrc=s=640x360:r=30:d=3",
		"-f", "lavfi", "-i", "testsrc=s=640x360:r=30:d=9", "-f", "lavfi", "-i", "color=0x909090:s=640x360:r=30:d=4", "-filter_complex",
		"[2]gblur=sigma=30[blur];[0][blur][1][3]concat=n=4", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
	r := process(t, newProcessor(t, Options{}), jobFor(t, in))
	img := posterImage(t, r.Poster)
	same := func(at time.Duration) int {
		ref := frameAt(t, r.Video, introAt30+at)
		n := 0
		for y := 20; y < 720; y += 20 {
			for x := 20; x < 1060; x += 20 { // left of the watermark
				a, b, c, _ := ref.At(x, y).RGBA()
				if near(img.At(x, y), color.RGBA{uint8(a >> 8), uint8(b >> 8), uint8(c >> 8), 255}, 24) {
					n++
				}
			}
		}
		return n * 100 / (35 * 52)
	}
	if sharp, blurred := same(14500*time.Millisecond), same(8*time.Second); sharp < 85 || blurred > sharp-5 {
		t.Errorf("the poster agrees to %d %% with the sharp part and to %d %% with the blurred one", sharp, blurred)
	}
}

// A call that is recorded changes its size when the connection does; ffmpeg would begin its filters, and time, anew.
func TestPicturesThatChangeSize(t *testing.T) {
	t.Parallel()
	var joined []byte
	for _, size := range []string{"320x180", "640x360"} {
		part := makeClip(t, "part.ts", "-f", "lavfi", "-i", quarters(size, "30", 1), "-c:v", "libx264", "-preset", "ultrafast", "-crf", "10",
			"-pix_fmt", "yuv420p", "-colorspace", "bt709", "-bf", "0")
		data, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		joined = append(joined, data...)
	}
	stream := filepath.Join(t.TempDir(), "joined.ts")
	if err := os.WriteFile(stream, joined, 0o600); err != nil {
		t.Fatal(err)
	}
	r := process(t, newProcessor(t, Options{}), jobFor(t, makeClip(t, "in.mkv", "-i", stream, "-c", "copy")))
	checkClean(t, r, "30/1", false)
	if d := (r.Duration - 7*time.Second).Abs(); d > 100*time.Millisecond {
		t.Errorf("lasts %v", r.Duration)
	}
	for _, at := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond} {
		shows(t, r.Video, introAt30+at, 1280, 720, upQuarters)
	}
}
