package ffmpeg

import (
	"bytes"
	"encoding/binary"
	"image/color"
	"slices"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// What is transparent becomes black, whatever colour lies below it: here it is white.
func TestWhatIsTransparentIsBlack(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	const layers = "[0]format=yuva444p,geq=lum='if(lt(X,160),98,235)':cb='if(lt(X,160),172,128)':" +
		"cr='if(lt(X,160),94,128)':a='if(lt(X,160),255,0)'"
	for name, c := range map[string]struct {
		ext  string
		args []string
	}{
		"ProRes 4444": {"mov", []string{"-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"}},
		"ProRes 4444 in P3": {"mov", []string{
			"-c:v", "prores_ks", "-pix_fmt", "yuva444p10le", "-color_primaries", "smpte432",
		}},
		"VP8": {"webm", []string{"-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "2M"}},
		"VP9": {"webm", []string{
			"-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := cliptest.Make(t, "in."+c.ext, slices.Concat(lavfi("nullsrc=s=320x180:r=30:d=0.3"),
				[]string{"-filter_complex", layers}, c.args, []string{"-colorspace", "smpte170m"})...)
			img := checkClean(t, mustProcess(t, p, jobFor(t, in)), "30/1", false, numberAt30(100*time.Millisecond))[0]
			if c := img.RGBAAt(1000, 500); !near(c, color.RGBA{A: 255}, 6) {
				t.Errorf("where it is transparent, it is %v", c)
			}
			if c := img.RGBAAt(300, 500); c.B < 140 || c.R > 90 || c.G > 110 {
				t.Errorf("where it is not, it is %v", c)
			}
		})
	}
}

// Editors and screen recorders state some of what describes wide colours. The rest is guessed.
func TestWideColoursNeedNotBeStatedInFull(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	hlg, pq := []string{"-color_trc", "arib-std-b67"}, []string{"-color_trc", "smpte2084"}
	wide := []string{"-colorspace", "bt2020nc"}
	for name, tags := range map[string][]string{
		"HLG":                         hlg,
		"PQ":                          pq,
		"PQ and the matrix":           append(slices.Clone(pq), wide...),
		"the matrix":                  wide,
		"the matrix, other primaries": append(slices.Clone(wide), "-color_primaries", "jedec-p22"),
		"HLG, other primaries":        append(slices.Clone(hlg), "-color_primaries", "bt470m", "-colorspace", "ycgco"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc2=s=64x64:r=30:d=0.1"),
				x264("-pix_fmt", "yuv420p10le"), tags)...)
			checkClean(t, mustProcess(t, p, jobFor(t, in)), "30/1", false)
		})
	}
}

// Only a Dolby Vision player can show profile 5; what is below the others is HDR or SDR.
func TestDolbyVisionIsPlayedByItsBaseLayer(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	plain := readClip(t, "in.mp4", append(lavfi("testsrc2=s=64x64:r=30:d=0.1"), "-c:v", "libx265",
		"-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1")...)
	for name, c := range map[string]struct {
		tag                 string
		profile, compatible int
		refused             bool
	}{
		"5":               {"hvc1", 5, 0, true},
		"5, as streamed":  {"dvh1", 5, 0, true},
		"7, of a disc":    {"hvc1", 7, 6, false},
		"8.1, HDR10":      {"hvc1", 8, 1, false},
		"8.4, of iPhones": {"hvc1", 8, 4, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := bytes.Replace(withDolbyVision(plain, c.profile, c.compatible), []byte("hvc1\x00\x00"),
				[]byte(c.tag+"\x00\x00"), 1)
			in := writeFile(t, "in.mp4", data)
			if c.refused {
				_, err := p.Process(t.Context(), jobFor(t, in))
				wantUnsupported(t, err, "Dolby Vision")
				return
			}
			checkClean(t, mustProcess(t, p, jobFor(t, in)), "30/1", false)
		})
	}
}

// withDolbyVision adds the box that announces Dolby Vision to an MP4 of HEVC whose index is at the end.
func withDolbyVision(data []byte, profile, compatible int) []byte {
	const level, metadata, baseLayer = 6 << 3, 1 << 2, 1
	box := []byte("\x00\x00\x00\x20dvcC\x01\x00")
	box = binary.BigEndian.AppendUint16(box, uint16(profile<<9|level|metadata|baseLayer))
	box = append(append(box, byte(compatible<<4)), make([]byte, 19)...)
	out := bytes.Clone(data)
	for _, kind := range []string{"moov", "trak", "mdia", "minf", "stbl", "stsd", "hvc1"} {
		at := bytes.Index(out, []byte(kind)) - 4
		binary.BigEndian.PutUint32(out[at:], binary.BigEndian.Uint32(out[at:])+uint32(len(box)))
	}
	at := bytes.Index(out, []byte("hvcC")) - 4
	return slices.Insert(out, at+int(binary.BigEndian.Uint32(out[at:])), box...)
}
