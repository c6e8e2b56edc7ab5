package ffmpeg

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/infra/cliptest"
)

// A track that is strange, broken or unknown never costs the clip: what can be heard of it is, and its owner is told of
// the rest.
func TestEverySound(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	for _, c := range slices.Concat(changingSounds(), unknownSounds(), damagedSounds(), chosenSounds()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := jobFor(t, c.make(t))
			j.Start = c.start
			r := mustProcess(t, p, j)
			checkClean(t, r, "30/1", c.heard != nil)
			if diff := cmp.Diff(c.notices, r.Notices); diff != "" {
				t.Errorf("notices (-want +got):\n%s", diff)
			}
			for _, h := range c.heard {
				h.check(t, r.Video)
			}
			if left, err := os.ReadDir(j.Dir); err != nil || len(left) != 2 {
				t.Errorf("left in the folder: %v %v", left, err)
			}
		})
	}
}

type soundCase struct {
	name    string
	make    func(t *testing.T) string
	start   time.Duration
	heard   []heard // nil: the rendition has no sound
	notices []Notice
}

// heard is what is expected of one channel at a time of the content: a tone, or silence.
type heard struct {
	at      float64 // seconds
	channel int
	tone    float64 // Hz; 0 = silence
}

// both is the same on the left and on the right.
func both(at, tone float64) []heard { return []heard{{at, 0, tone}, {at, 1, tone}} }

// check looks at a fifth of a second.
func (h heard) check(t *testing.T, video string) {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "part.raw")
	ffmpegRun(t, "-v", "error", "-y", "-i", video, "-map", "0:a", "-af", fmt.Sprintf(
		"pan=mono|c0=c%d,atrim=start=%g:duration=0.2", h.channel, h.at+bumperLength.Seconds()), "-f", "f32le", raw)
	data, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	crossings, before := 0, 0.0
	for i := 0; i+4 <= len(data); i += 4 {
		v := float64(math.Float32frombits(uint32(data[i]) | uint32(data[i+1])<<8 | uint32(data[i+2])<<16 |
			uint32(data[i+3])<<24))
		sum += v * v
		if before < 0 && v >= 0 {
			crossings++
		}
		before = v
	}
	level := math.Sqrt(sum / float64(max(1, len(data)/4)))
	switch tone := float64(crossings) / 0.2; {
	case h.tone == 0 && level > 0.003:
		t.Errorf("at %g s in channel %d: level %.4f, want silence", h.at, h.channel, level)
	case h.tone != 0 && (level < 0.01 || math.Abs(tone-h.tone) > 12):
		t.Errorf("at %g s in channel %d: %.0f Hz, level %.4f, want %.0f Hz", h.at, h.channel, tone, level, h.tone)
	}
}

// grey is the picture of clips for the ear.
func grey(secs float64) []string { return lavfi(fmt.Sprintf("color=gray:s=64x36:r=30:d=%g", secs)) }

// sine is an input with one tone in all of its channels.
func sine(hz, secs float64, layout string, rate int) []string {
	return lavfi(fmt.Sprintf("sine=f=%g:r=%d:d=%g,aformat=channel_layouts=%s", hz, rate, secs, layout))
}

// clipOf makes a clip from a picture, inputs of sound, and more arguments.
func clipOf(name string, secs float64, inputs [][]string, more ...string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		args := slices.Concat(grey(secs), slices.Concat(inputs...), []string{"-map", "0:v"})
		for i := range inputs {
			args = append(args, "-map", fmt.Sprint(i+1))
		}
		return cliptest.Make(t, name, append(args, x264(more...)...)...)
	}
}

// patched is a clip of which some bytes are replaced.
func patched(make func(t *testing.T) string, change func([]byte) []byte) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		file := make(t)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed := change(bytes.Clone(data))
		if bytes.Equal(data, changed) {
			t.Fatal("nothing was changed")
		}
		return writeFile(t, "in"+filepath.Ext(file), changed)
	}
}

// joined is a clip whose track is two streams of a simple format, one after the other.
func joined(format string, first, second []string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		both := slices.Concat(readClip(t, "first."+format, first...), readClip(t, "second."+format, second...))
		return cliptest.Make(t, "in.mkv", slices.Concat(grey(2), []string{"-f", format, "-i",
			writeFile(t, "both."+format, both)}, x264("-map", "0", "-map", "1", "-c:a", "copy"))...)
	}
}

func changingSounds() []soundCase {
	mp3 := func(hz float64, layout string, rate int) []string {
		return append(sine(hz, 1, layout, rate), "-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0")
	}
	change := slices.Concat(both(0.5, 440), both(1.6, 880))
	return []soundCase{
		{name: "AC-3, 5.1 then stereo", make: joined("ac3", sine(440, 1, "5.1", 48000), sine(880, 1, "stereo", 48000)), heard: change},
		{name: "AC-3, mono then 5.1", make: joined("ac3", sine(440, 1, "mono", 48000), sine(880, 1, "5.1", 48000)), heard: change},
		{name: "MP3, mono then stereo", make: joined("mp3", mp3(440, "mono", 44100), mp3(880, "stereo", 44100)), heard: change},
		{name: "MP3, 48 kHz then 44.1 kHz", make: joined("mp3", mp3(440, "stereo", 48000), mp3(880, "stereo", 44100)), heard: change},
	}
}

func unknownSounds() []soundCase {
	many := func(count int) []string {
		exprs := []string{"0.1*sin(2*PI*440*t)", "0.1*sin(2*PI*880*t)"}
		for range count - 2 {
			exprs = append(exprs, "0.1*sin(2*PI*1760*t)")
		}
		return lavfi("aevalsrc=" + strings.Join(exprs, "|") + ":s=48000:d=1")
	}
	sides := []heard{{0.5, 0, 440}, {0.5, 1, 880}}
	cases := []soundCase{
		{
			name: "ambisonic Opus", heard: both(0.5, 440),
			make: clipOf("in.mkv", 1, [][]string{lavfi("aevalsrc=0.3*sin(2*PI*440*t)|0|0|0:s=48000:d=1")},
				"-c:a", "libopus", "-mapping_family", "2"),
		},
		{name: "mono on the right", heard: both(0.5, 440), make: clipOf("in.mov", 1,
			[][]string{lavfi("sine=440:d=1,aformat=channel_layouts=FR")}, "-c:a", "pcm_s16le")},
	}
	for _, count := range []int{10, 12, 16, 32} {
		cases = append(cases, soundCase{
			name: fmt.Sprintf("%d channels", count), heard: sides, notices: []Notice{NoticeChannelsLost},
			make: clipOf("in.mov", 1, [][]string{many(count)}, "-c:a", "pcm_s16le"),
		})
	}
	return cases
}

func damagedSounds() []soundCase {
	aac := clipOf("in.mp4", 2, [][]string{sine(440, 2, "mono", 48000)}, "-c:a", "aac")
	two := func(second ...string) func(t *testing.T) string {
		return clipOf("in.mp4", 2, [][]string{sine(440, 2, "mono", 48000), sine(880, 2, "stereo", 48000)},
			append([]string{"-c:a", "aac"}, second...)...)
	}
	replace := func(pairs ...string) func([]byte) []byte {
		return func(data []byte) []byte {
			return []byte(strings.NewReplacer(pairs...).Replace(string(data)))
		}
	}
	const asc, badASC = "\x05\x80\x80\x80\x05", "\xf9\x46\x40\x00\x00"
	// badConfig replaces the AudioSpecificConfig of the nth track.
	badConfig := func(n int) func([]byte) []byte {
		return func(data []byte) []byte {
			at := 0
			for range n {
				at += bytes.Index(data[at:], []byte("esds")) + 4
			}
			at += bytes.Index(data[at:], []byte(asc)) + len(asc)
			copy(data[at:], badASC)
			return data
		}
	}
	badALAC := func(data []byte) []byte {
		at := bytes.LastIndex(data, []byte("alac")) + 8
		copy(data[at:], bytes.Repeat([]byte{0xff}, 24))
		return data
	}
	none := []Notice{NoticeNoSound}
	return []soundCase{
		{name: "MPEG-H", make: patched(aac, replace("mp4a", "mhm1", "esds", "xsds")), notices: none},
		{name: "DTS", make: clipOf("in.mkv", 1, [][]string{sine(440, 1, "stereo", 48000)}, "-c:a", "dca", "-strict", "-2"), notices: none},
		{name: "TrueHD", make: clipOf("in.mkv", 1, [][]string{sine(440, 1, "stereo", 48000)}, "-c:a", "truehd", "-strict", "-2"), notices: none},
		{
			name: "MPEG-H before AAC", make: patched(two(), func(data []byte) []byte {
				return bytes.Replace(bytes.Replace(data, []byte("mp4a"), []byte("mhm1"), 1), []byte("esds"), []byte("xsds"), 1)
			}),
			heard: both(1, 880), notices: []Notice{NoticeAnotherTrack},
		},
		{name: "config of a strange AAC", make: patched(aac, badConfig(1)), notices: none},
		{name: "strange AAC before AAC", make: patched(two(), badConfig(1)), heard: both(1, 880), notices: []Notice{NoticeAnotherTrack}},
		{name: "strange AAC behind AAC", make: patched(two(), badConfig(2)), heard: both(1, 440)},
		{name: "broken ALAC behind AAC", make: patched(two("-c:a:1", "alac"), badALAC), heard: both(1, 440)},
		{name: "noise for AAC", make: clipOf("in.mp4", 2, [][]string{sine(440, 2, "mono", 48000)}, "-c:a", "aac", "-r", "10", "-bsf:a", "noise=amount=1"), notices: none},
		{
			name: "AAC broken in the middle", heard: slices.Concat(both(0.2, 440), both(1.6, 440)), notices: []Notice{NoticeSoundDamaged},
			make: clipOf("in.mp4", 2, [][]string{sine(440, 2, "mono", 48000)}, "-c:a", "aac", "-bsf:a", "noise=amount='if(between(n,28,60),1,0)'"),
		},
		{
			name: "samples that are no numbers", heard: slices.Concat(both(0.2, 440), both(1.6, 440)), notices: []Notice{NoticeSoundDamaged},
			make: clipOf("in.mov", 2, [][]string{lavfi("aevalsrc='if(between(t,0.8,0.9),0/0,0.3*sin(2*PI*440*t))':s=48000:d=2")}, "-c:a", "pcm_f32le"),
		},
	}
}

func chosenSounds() []soundCase {
	tracks := func(name string, more []string, inputs ...[]string) func(t *testing.T) string {
		return clipOf(name, 1, inputs, more...)
	}
	silent := lavfi("anullsrc=r=48000:d=1")
	low, high := sine(440, 1, "mono", 48000), sine(880, 1, "mono", 48000)
	stereo := sine(880, 1, "stereo", 48000)
	another := []Notice{NoticeAnotherTrack}
	aac := []string{"-c:a", "aac"}
	return []soundCase{
		{name: "silence, then a voice", make: tracks("in.mp4", aac, silent, stereo), heard: both(0.5, 880), notices: another},
		{name: "a voice, then silence", make: tracks("in.mp4", aac, stereo, silent), heard: both(0.5, 880)},
		{name: "silence twice, then a voice", make: tracks("in.mkv", aac, silent, silent, stereo), heard: both(0.5, 880), notices: another},
		{name: "silence twice", make: tracks("in.mkv", aac, silent, silent), heard: both(0.5, 0)},
		{name: "left and right", make: tracks("in.mov", []string{"-c:a", "pcm_s16le"}, low, high), heard: []heard{{0.5, 0, 440}, {0.5, 1, 880}}},
		{name: "left and right in mkv", make: tracks("in.mkv", []string{"-c:a", "libopus"}, low, high), heard: []heard{{0.5, 0, 440}, {0.5, 1, 880}}},
		{name: "left, and nothing on the right", make: tracks("in.mov", []string{"-c:a", "pcm_s16le"}, low, sine(880, 1, "mono,volume=0", 48000)), heard: both(0.5, 440)},
		{name: "two languages", make: tracks("in.mp4", append(aac, "-metadata:s:a:0", "language=spa", "-metadata:s:a:1", "language=eng"), low, high), heard: both(0.5, 440)},
		{name: "mono of two lengths", make: tracks("in.mp4", aac, low, sine(880, 0.6, "mono", 48000)), heard: both(0.5, 440)},
		{name: "starts late", make: tracks("in.mkv", []string{"-af", "asetpts=PTS+0.5/TB", "-c:a", "pcm_s16le"}, low), heard: slices.Concat(both(0.2, 0), both(0.7, 440))},
		{name: "ends early", make: tracks("in.mp4", aac, sine(440, 0.5, "mono", 48000)), heard: slices.Concat(both(0.2, 440), both(0.7, 0))},
	}
}
