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
			if diff := cmp.Diff(c.notices, r.Notices); diff != "" {
				t.Errorf("notices (-want +got):\n%s", diff)
			}
			if track := inspect(t, r.Video).stream("audio"); (track != nil) != (c.heard != nil) {
				t.Fatalf("the rendition's track of sound: %+v", track)
			}
			if c.heard != nil {
				sound := stereo(t, r.Video)
				for _, h := range c.heard {
					h.check(t, sound)
				}
			}
			checkFolder(t, j, r)
		})
	}
}

// checkFolder checks that a job left its results and nothing else.
func checkFolder(t *testing.T, j Job, r Result) {
	t.Helper()
	left, err := os.ReadDir(j.Dir)
	if err != nil || slices.ContainsFunc(left, func(e os.DirEntry) bool {
		return e.Name() != filepath.Base(r.Video) && filepath.Ext(e.Name()) != ".jpg"
	}) {
		t.Errorf("left in the folder: %v %v", left, err)
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

// stereo decodes the sound of a rendition.
func stereo(t *testing.T, video string) []float32 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sound.wav")
	ffmpegRun(t, "-v", "error", "-i", video, "-map", "0:a", "-c:a", "pcm_f32le", file)
	sound, err := readSamples(file)
	if err != nil {
		t.Fatal(err)
	}
	return sound
}

// check looks at a fifth of a second.
func (h heard) check(t *testing.T, sound []float32) {
	t.Helper()
	const length = 0.2
	first := int((h.at + briefBumper.Seconds()) * sampleRate)
	sum, crossings, before := 0.0, 0, 0.0
	for i := first; i < first+length*sampleRate; i++ {
		v := float64(sound[i*channels+h.channel])
		sum += v * v
		if before < 0 && v >= 0 {
			crossings++
		}
		before = v
	}
	level := math.Sqrt(sum / (length * sampleRate))
	switch tone := float64(crossings) / length; {
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
func patched(original func(t *testing.T) string, change func([]byte) []byte) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		file := original(t)
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
		in := []string{"-f", format, "-i", writeFile(t, "both."+format, both)}
		return cliptest.Make(t, "in.mkv", slices.Concat(grey(2), in, x264("-map", "0", "-map", "1", "-c:a", "copy"))...)
	}
}

func changingSounds() []soundCase {
	mp3 := func(hz float64, layout string, rate int) []string {
		return append(sine(hz, 1, layout, rate), "-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0")
	}
	change := slices.Concat(both(0.5, 440), both(1.6, 880))
	return []soundCase{
		{
			name:  "AC-3, 5.1 then stereo",
			make:  joined("ac3", sine(440, 1, "5.1", 48000), sine(880, 1, "stereo", 48000)),
			heard: change,
		},
		{
			name:  "AC-3, mono then 5.1",
			make:  joined("ac3", sine(440, 1, "mono", 48000), sine(880, 1, "5.1", 48000)),
			heard: change,
		},
		{
			name:  "MP3, mono then stereo",
			make:  joined("mp3", mp3(440, "mono", 44100), mp3(880, "stereo", 44100)),
			heard: change,
		},
		{
			name:  "MP3, 48 kHz then 44.1 kHz",
			make:  joined("mp3", mp3(440, "stereo", 48000), mp3(880, "stereo", 44100)),
			heard: change,
		},
		{
			name: "packets of one sample", heard: slices.Concat(both(0.5, 440), both(1.6, 440)),
			make: clipOf("in.mkv", 2, [][]string{sine(440, 2, "stereo", 48000)},
				"-af", "asetnsamples=n=1", "-c:a", "pcm_s16le"),
		},
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
		{
			name: "channels at strange places", heard: sides, notices: []Notice{NoticeChannelsLost},
			make: clipOf("in.mov", 1, [][]string{append(many(4)[:3], many(4)[3]+":c=TFL+TFR+TBL+TBR")},
				"-c:a", "pcm_s16le"),
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
	two := func(second ...string) func(t *testing.T) string {
		return clipOf("in.mp4", 2, [][]string{sine(440, 2, "mono", 48000), sine(880, 2, "stereo", 48000)},
			append([]string{"-c:a", "aac"}, second...)...)
	}
	replace := func(pairs ...string) func([]byte) []byte {
		return func(data []byte) []byte {
			return []byte(strings.NewReplacer(pairs...).Replace(string(data)))
		}
	}
	one := func(hz float64, name string, codec ...string) func(t *testing.T) string {
		return clipOf(name, 2, [][]string{sine(hz, 2, "stereo", 48000)}, append([]string{"-c:a"}, codec...)...)
	}
	aac := one(440, "in.mp4", "aac")
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
	none, damage := []Notice{NoticeNoSound}, []Notice{NoticeSoundDamaged}
	ends := slices.Concat(both(0.2, 440), both(1.6, 440))
	return []soundCase{
		{name: "MPEG-H", make: patched(aac, replace("mp4a", "mhm1", "esds", "xsds")), notices: none},
		{name: "DTS", make: one(440, "in.mkv", "dca", "-strict", "-2"), notices: none},
		{name: "TrueHD", make: one(440, "in.mkv", "truehd", "-strict", "-2"), notices: none},
		{
			name: "MPEG-H before AAC", make: patched(two(), func(data []byte) []byte {
				data = bytes.Replace(data, []byte("mp4a"), []byte("mhm1"), 1)
				return bytes.Replace(data, []byte("esds"), []byte("xsds"), 1)
			}),
			heard: both(1, 880), notices: []Notice{NoticeAnotherTrack},
		},
		{name: "config of a strange AAC", make: patched(aac, badConfig(1)), notices: none},
		{
			name:    "strange AAC before AAC",
			make:    patched(two(), badConfig(1)),
			heard:   both(1, 880),
			notices: []Notice{NoticeAnotherTrack},
		},
		{name: "strange AAC behind AAC", make: patched(two(), badConfig(2)), heard: both(1, 440)},
		{name: "broken ALAC behind AAC", make: patched(two("-c:a:1", "alac"), badALAC), heard: both(1, 440)},
		{
			name:    "noise for AAC",
			make:    one(440, "in.mp4", "aac", "-r", "10", "-bsf:a", "noise=amount=1"),
			notices: none,
		},
		{
			name: "AAC broken in the middle", heard: ends, notices: damage,
			make: one(440, "in.mp4", "aac", "-bsf:a", "noise=amount='if(between(n,28,60),1,0)'"),
		},
		{
			name: "samples that are no numbers", heard: ends, notices: damage,
			make: clipOf("in.mov", 2, [][]string{
				lavfi("aevalsrc='if(between(t,0.8,0.9),0/0,0.3*sin(2*PI*440*t))':s=48000:d=2"),
			}, "-c:a", "pcm_f32le"),
		},
	}
}

func chosenSounds() []soundCase {
	tracks := func(name string, more []string, inputs ...[]string) func(t *testing.T) string {
		return clipOf(name, 1, inputs, more...)
	}
	aac := []string{"-c:a", "aac"}
	silent := lavfi("anullsrc=r=48000:d=1")
	raw := []string{"-c:a", "pcm_s16le"}
	sides := []heard{{0.5, 0, 440}, {0.5, 1, 880}}
	languages := append(slices.Clip(aac), "-metadata:s:a:0", "language=spa", "-metadata:s:a:1", "language=eng")
	low, high := sine(440, 1, "mono", 48000), sine(880, 1, "mono", 48000)
	stereo := sine(880, 1, "stereo", 48000)
	another := []Notice{NoticeAnotherTrack}
	return []soundCase{
		{
			name:    "silence, then a voice",
			make:    tracks("in.mp4", aac, silent, stereo),
			heard:   both(0.5, 880),
			notices: another,
		},
		{name: "a voice, then silence", make: tracks("in.mp4", aac, stereo, silent), heard: both(0.5, 880)},
		{
			name:    "silence twice, then a voice",
			make:    tracks("in.mkv", aac, silent, silent, stereo),
			heard:   both(0.5, 880),
			notices: another,
		},
		{name: "silence twice", make: tracks("in.mkv", aac, silent, silent), heard: both(0.5, 0)},
		{name: "left and right", make: tracks("in.mov", raw, low, high), heard: sides},
		{name: "left and right in mkv", make: tracks("in.mkv", []string{"-c:a", "libopus"}, low, high), heard: sides},
		{
			name:  "left, and nothing on the right",
			make:  tracks("in.mov", raw, low, sine(880, 1, "mono,volume=0", 48000)),
			heard: both(0.5, 440),
		},
		{
			name: "left, and noise on the right", heard: both(0.5, 440), notices: []Notice{NoticeOneSide},
			make: tracks("in.mp4", append(slices.Clip(aac), "-bsf:a:1", "noise=amount=1"), low, high),
		},
		{
			name: "noise on the left, and right", heard: both(0.5, 880), notices: []Notice{NoticeOneSide},
			make: tracks("in.mp4", append(slices.Clip(aac), "-bsf:a:0", "noise=amount=1"), low, high),
		},
		{name: "two languages", make: tracks("in.mp4", languages, low, high), heard: both(0.5, 440)},
		{
			name:  "mono of two lengths",
			make:  tracks("in.mp4", aac, low, sine(880, 0.6, "mono", 48000)),
			heard: both(0.5, 440),
		},
		{
			name:  "starts late",
			make:  tracks("in.mkv", append(slices.Clip(raw), "-af", "asetpts=PTS+0.5/TB"), low),
			heard: slices.Concat(both(0.2, 0), both(0.7, 440)),
		},
		{
			name:  "ends early",
			make:  tracks("in.mp4", aac, sine(440, 0.5, "mono", 48000)),
			heard: slices.Concat(both(0.2, 440), both(0.7, 0)),
		},
	}
}

// A file elsewhere is searched for what can be opened as well, and read no further than one here.
func TestATrackThatCannotBeOpenedElsewhere(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	cases := damagedSounds()
	c := cases[slices.IndexFunc(cases, func(c soundCase) bool { return c.name == "strange AAC before AAC" })]
	data, err := os.ReadFile(c.make(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range bothWays(t, newProcessor(t, Options{})) {
		j, _ := elsewhere(t, bytes.NewReader(data), mp4())
		r := mustProcess(t, p, j)
		if diff := cmp.Diff(c.notices, r.Notices); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		for _, h := range c.heard {
			h.check(t, stereo(t, r.Video))
		}
	}
}

// A tone that loses packets, and one that is played slower, have no step that a tone has not.
func TestCorrectionsDoNotClick(t *testing.T) {
	t.Parallel()
	const level, tone, count = 0.5, 440.0, 4 * sampleRate
	for name, frames := range map[string]func(i int) (stamp, bool){
		"packets lost": func(i int) (stamp, bool) { return stamp{float64(i) * 1024, 1024}, i%40 != 39 },
		"a pause":      func(i int) (stamp, bool) { return stamp{float64(i) * 1024, 1024}, i < 50 || i > 80 },
		"slow":         func(i int) (stamp, bool) { return stamp{float64(i) * 1024 * 1.004, 1024}, true },
		"overlap":      func(i int) (stamp, bool) { return stamp{float64(i-i/60*3) * 1024, 1024}, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var kept []stamp
			var samples []float32
			for i := range count / 1024 {
				s, ok := frames(i)
				if !ok {
					continue
				}
				kept = append(kept, s)
				for n := range 1024 { // of a tone that goes on while packets are lost
					v := float32(level * math.Sin(2*math.Pi*tone*float64(i*1024+n)/sampleRate))
					samples = append(samples, v, v)
				}
			}
			out, err := retimed(t.Context(), samples, pieces(kept), count)
			if err != nil {
				t.Fatal(err)
			}
			largest := 0.0
			for i := channels; i < len(out); i++ {
				largest = max(largest, math.Abs(float64(out[i]-out[i-channels])))
			}
			if usual := level * 2 * math.Pi * tone / sampleRate; largest > 1.5*usual {
				t.Errorf("a step of %.4f, a tone has %.4f", largest, usual)
			}
		})
	}
}
