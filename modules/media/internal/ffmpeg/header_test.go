package ffmpeg

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// smallMatroska is an info element with a duration of 2.5 s and nothing else.
const smallMatroska = "\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x15\x49\xa9\x66\x8e" +
	"\x2a\xd7\xb1\x83\x0f\x42\x40\x44\x89\x84\x45\x1c\x40\x00"

func TestDurationFromHeader(t *testing.T) {
	t.Parallel()
	recorded := func(name string, args ...string) []byte {
		return readClip(t, name, slices.Concat(lavfi("testsrc2=s=64x64:r=10:d=2.5"), x264(args...))...)
	}
	mp4 := recorded("in.mp4")
	header := bytes.Index(mp4, []byte("mvhd")) + 4
	with := func(offset int, value uint32) []byte {
		data := bytes.Clone(mp4)
		binary.BigEndian.PutUint32(data[header+offset:], value)
		return data
	}
	matroska, live := recorded("in.mkv"), recorded("in.mkv", "-live", "1", "-flush_packets", "1", "-f", "matroska")
	for name, c := range map[string]struct {
		data []byte
		want time.Duration // 0: none is stated
	}{
		"index at the end":           {mp4, 2500 * time.Millisecond},
		"index at the beginning":     {recorded("in.mp4", "-movflags", "+faststart"), 2500 * time.Millisecond},
		"QuickTime":                  {recorded("in.mov"), 2500 * time.Millisecond},
		"fragmented":                 {recorded("in.mp4", "-movflags", "frag_keyframe+empty_moov"), 0},
		"Matroska":                   {matroska, 2500 * time.Millisecond},
		"WebM":                       {recorded("in.webm", "-c:v", "libvpx"), 2500 * time.Millisecond},
		"recorded live":              {live, 0},
		"Matroska, cut off":          {matroska[:len(matroska)/2], 0},
		"Matroska, in a few numbers": {[]byte(smallMatroska), 2500 * time.Millisecond},
		"cut off":                    {mp4[:len(mp4)-1], 0},
		"no units":                   {with(12, 0), 0},
		"unknown":                    {with(16, 1<<32-1), 0},
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
	f.Add([]byte("\x00\x00\x00\x24moov\x00\x00\x00\x1cmvhd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x03\xe8\x00\x00\x27\x10"))
	f.Add([]byte("\x00\x00\x00\x01moov\x80\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte(smallMatroska))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, ok := DurationFromHeader(bytes.NewReader(data)); got < 0 || ok != (got > 0) {
			t.Errorf("%v, %v", got, ok)
		}
	})
}
