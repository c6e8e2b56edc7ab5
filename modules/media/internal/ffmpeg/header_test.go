package ffmpeg

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"time"
)

func TestTheIndexTellsTheLength(t *testing.T) {
	t.Parallel()
	made := func(name string, args ...string) []byte {
		source := []string{"-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=2.5", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
		data, err := os.ReadFile(makeClip(t, name, append(source, args...)...))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	plain := made("in.mp4")
	header := bytes.Index(plain, []byte("mvhd")) + 4
	with := func(change func(data []byte) []byte) []byte { return change(bytes.Clone(plain)) }
	matroska, live := made("in.mkv"), made("in.mkv", "-live", "1", "-flush_packets", "1", "-f", "matroska")
	for name, c := range map[string]struct {
		data []byte
		want time.Duration // 0: it does not say
	}{
		"index at the end":       {plain, 2500 * time.Millisecond},
		"index at the beginning": {made("in.mp4", "-movflags", "+faststart"), 2500 * time.Millisecond},
		"QuickTime":              {made("in.mov"), 2500 * time.Millisecond},
		"fragmented":             {made("in.mp4", "-movflags", "frag_keyframe+empty_moov"), 0},
		"Matroska":               {made("in.mkv"), 2500 * time.Millisecond},
		"WebM":                   {made("in.webm", "-c:v", "libvpx"), 2500 * time.Millisecond},
		"recorded live":          {live, 0},
		"Matroska, cut off":      {matroska[:len(matroska)/2], 0},
		"Matroska, in a few numbers": {[]byte("\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x15\x49\xa9\x66\x8e" +
			"\x2a\xd7\xb1\x83\x0f\x42\x40\x44\x89\x84\x45\x1c\x40\x00"), 2500 * time.Millisecond},
		"cut off": {plain[:len(plain)-1], 0},
		"no units": {with(func(data []byte) []byte {
			binary.BigEndian.PutUint32(data[header+12:], 0)
			return data
		}), 0},
		"unknown": {with(func(data []byte) []byte {
			binary.BigEndian.PutUint32(data[header+16:], 1<<32-1)
			return data
		}), 0},
		"large numbers": {bytes.Join([][]byte{
			[]byte("\x00\x00\x00\x01free\x00\x00\x00\x00\x00\x00\x00\x10"),
			[]byte("\x00\x00\x00\x30moov\x00\x00\x00\x00mvhd\x01\x00\x00\x00"), make([]byte, 16),
			[]byte("\x00\x00\x03\xe8\x00\x00\x00\x00\x00\x00\x27\x10"),
		}, nil), 10 * time.Second},
		"longer than anything": {bytes.Join([][]byte{
			[]byte("\x00\x00\x00\x30moov\x00\x00\x00\x00mvhd\x01\x00\x00\x00"), make([]byte, 16),
			[]byte("\x00\x00\x00\x01\x7f\x00\x00\x00\x00\x00\x00\x00"),
		}, nil), 1e9 * time.Second},
		"nothing but small boxes": {bytes.Repeat([]byte("\x00\x00\x00\x08free"), 1000), 0},
		"a box larger than all":   {[]byte("\x00\x00\x00\x01free\xff\xff\xff\xff\xff\xff\xff\xff"), 0},
		"nothing":                 {nil, 0},
	} {
		if got, ok := DurationFromHeader(bytes.NewReader(c.data)); ok != (c.want > 0) || got != c.want {
			t.Errorf("%s: %v (%v), want %v", name, got, ok, c.want)
		}
	}
}

func FuzzDurationFromHeader(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x24moov\x00\x00\x00\x1cmvhd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\xe8\x00\x00\x27\x10"))
	f.Add([]byte("\x00\x00\x00\x01moov\x80\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x15\x49\xa9\x66\x8e\x2a\xd7\xb1\x83\x0f\x42\x40\x44\x89\x84\x45\x1c\x40\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, ok := DurationFromHeader(bytes.NewReader(data)); got < 0 || ok != (got > 0) {
			t.Errorf("%v, %v", got, ok)
		}
	})
}
