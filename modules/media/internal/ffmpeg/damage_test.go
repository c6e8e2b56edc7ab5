package ffmpeg

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// A file is judged by the pictures that came out of it, however many of its packets are none, and its owner is told if
// the picture ends early.
func TestWhatCanBeDecodedIsPublished(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	base := slices.Concat(lavfi("testsrc2=s=320x180:r=10:d=4"), lavfi(tone+":d=4"))
	jpegs := cliptest.Make(t, "in.mov", append(base, "-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p")...)
	noisy := func(name, noise string) []byte {
		return readClip(t, name, "-i", jpegs, "-c", "copy", "-bsf:v", "noise=amount="+noise)
	}
	whole := readClip(t, "in.mp4", slices.Concat(base, x264("-g", "10", "-movflags", "+faststart"))...)
	zeroed := bytes.Clone(whole)
	content := bytes.Index(whole, []byte("mdat"))
	clear(zeroed[content+(len(zeroed)-content)/2:])
	var none []Notice
	cut, both := []Notice{NoticePictureCutOff}, []Notice{NoticeSoundDamaged, NoticePictureCutOff}
	for _, c := range []struct {
		name     string
		file     string
		data     []byte
		from, to time.Duration
		notices  []Notice
		code     string
	}{
		{
			"nine pictures of ten are none", "in.mov", noisy("a.mov", "if(mod(n\\,10)\\,1\\,0)"),
			3 * time.Second, 4 * time.Second, none, "",
		},
		{"all pictures are none", "in.mov", noisy("b.mov", "1"), 0, 0, none, CodeUnreadable},
		{
			"only the first second has pictures", "in.mov", noisy("c.mov", "if(gt(n\\,9)\\,1\\,0)"),
			900 * time.Millisecond, 1100 * time.Millisecond, cut, "",
		},
		{"half a file", "in.mp4", whole[:content+(len(whole)-content)/2], time.Second, 3 * time.Second, cut, ""},
		{"half of it zeros", "in.mp4", zeroed, time.Second, 3 * time.Second, both, ""},
		{"whole", "in.mp4", whole, 4 * time.Second, 4 * time.Second, none, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := p.Process(t.Context(), jobFor(t, writeFile(t, c.file, c.data)))
			if c.code != "" {
				wantCode(t, err, c.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := r.Duration - 2*briefBumper; d < c.from-50*time.Millisecond || d > c.to+50*time.Millisecond {
				t.Errorf("lasts %v, want %v to %v", d, c.from, c.to)
			}
			if !slices.Equal(r.Notices, c.notices) {
				t.Errorf("notices %v, want %v", r.Notices, c.notices)
			}
		})
	}
}
