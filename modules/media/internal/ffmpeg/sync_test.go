package ffmpeg

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// flashes are two inputs: a dark picture that turns white for a fifth of a second, and a beep of the same length, at 1
// s, 2 s, 4 s, 5 s, 7 s …. Whole seconds are on the grid of every rate, and the uneven steps show a shift of any
// length.
// The sound is made for a clock that takes drift times as long.
func flashes(rate string, secs, drift float64) []string {
	when := func(t string) string {
		return fmt.Sprintf("between(mod(%[1]s,3),0.999,1.199)+between(mod(%[1]s,3),1.999,2.199)", t)
	}
	picture, sound := when("t"), when(fmt.Sprintf("(t*%g)", drift))
	return slices.Concat(
		lavfi(fmt.Sprintf("color=0x303030:s=320x240:r=%s:d=%g,drawbox=c=white:t=fill:enable='%s'",
			rate, secs, picture)),
		lavfi(fmt.Sprintf("aevalsrc='if(%s,0.5*sin(6283*t),0)':s=48000:d=%g", sound, secs)))
}

// lost leaves out each nth packet of a codec.
func lost(codec string, n int) []string {
	return []string{"-c:a", codec, "-bsf:a", fmt.Sprintf("noise=drop='eq(mod(n,%d),%d)'", n, n-1)}
}

// Sound and picture stay together through the intro, at every rate and whatever the source's clocks do.
func TestSoundStaysWithPicture(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := builtIn(t)
	for _, c := range []struct {
		name  string
		ext   string
		rate  string
		secs  float64 // of the source; default 3
		drift float64 // how many times as long as it should the sound takes; default 1
		args  []string
		start time.Duration
	}{
		{name: "30", rate: "30", secs: 7.5},
		{name: "23.976", rate: "24000/1001"},
		{name: "25", rate: "25"},
		{name: "29.97 from 59.94", rate: "60000/1001", secs: 7.5},
		{name: "cut at 3.3 s", rate: "30", secs: 5.5, start: 3300 * time.Millisecond},
		{
			name: "cut at 3.3 s in mkv", ext: ".mkv", rate: "30", secs: 5.5, args: []string{"-g", "250"},
			start: 3300 * time.Millisecond,
		},
		{name: "B pictures and edit list", rate: "30", args: []string{"-bf", "3", "-preset", "veryfast"}},
		{name: "late start", rate: "30", args: []string{"-output_ts_offset", "4.3"}},
		{
			name: "late start, cut", rate: "30", secs: 5.5, args: []string{"-output_ts_offset", "4.3"},
			start: 2500 * time.Millisecond,
		},
		{
			name: "negative start", ext: ".mkv", rate: "30",
			args: []string{"-output_ts_offset", "-0.4", "-avoid_negative_ts", "disabled"},
		},
		{
			name: "variable rate", rate: "60", secs: 5.5,
			args: []string{"-vf", "select='not(mod(n,5))+not(mod(n,3))'", "-fps_mode", "vfr"},
		},
		{name: "fragmented", rate: "30", args: []string{"-movflags", "frag_keyframe+empty_moov", "-g", "10"}},
		{
			name: "Opus in webm", ext: ".webm", rate: "30",
			args: []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"},
		},
		{name: "MP3 in mov", ext: ".mov", rate: "30", args: []string{"-c:a", "libmp3lame"}},
		{name: "slow clock", ext: ".mkv", rate: "30", secs: 9.7, drift: 1.003, args: []string{"-c:a", "libopus"}},
		{name: "fast clock", ext: ".mkv", rate: "30", secs: 9.7, drift: 0.997, args: []string{"-c:a", "libopus"}},
		{name: "slow clock in mp4", rate: "30", secs: 9.7, drift: 1.0025},
		{
			name: "slow clock, cut", ext: ".mkv", rate: "30", secs: 9.7, drift: 1.003,
			args: []string{"-c:a", "pcm_s16le"}, start: 500 * time.Millisecond,
		},
		{
			name: "slow clock at 44.1 kHz", ext: ".mkv", rate: "30", secs: 9.7, drift: 1.003,
			args: []string{"-c:a", "aac", "-ar", "44100"},
		},
		{name: "packets lost", ext: ".mkv", rate: "30", secs: 9.7, args: lost("aac", 100)},
		{name: "packets lost in mp4", rate: "30", secs: 9.7, args: lost("aac", 30)},
		{name: "packets lost in Opus", ext: ".webm", rate: "30", secs: 9.7, args: append(lost("libopus", 20),
			"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")},
		{
			name: "packets lost, slow clock", ext: ".mkv", rate: "30", secs: 9.7, drift: 1.003,
			args: []string{"-bsf:a", "noise=drop='eq(mod(n,100),99)',setts=ts=PTS*1.003"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := slices.Concat(flashes(c.rate, or(c.secs, 3), or(c.drift, 1)), x264())
			if c.drift != 0 {
				args = append(args, "-bsf:a", fmt.Sprintf("setts=ts=PTS*%g", c.drift))
			}
			args = append(args, c.args...)
			j := jobFor(t, cliptest.Make(t, "in"+or(c.ext, ".mp4"), args...))
			j.Start = c.start
			r := mustProcess(t, p, j)
			rate := parseRational(inspect(t, r.Video).stream("video").RRate)
			seen, heard := onsets(t, r.Video, rate)
			if len(seen) < 2 || len(seen) != len(heard) {
				t.Fatalf("flashes at %v, beeps at %v", seen, heard)
			}
			for i := range seen {
				if d := seen[i] - heard[i]; math.Abs(d) > 0.020 {
					t.Errorf("flash at %.3f, beep at %.3f: %.0f ms apart", seen[i], heard[i], d*1000)
				}
			}
		})
	}
}

// onsets are the times at which the picture turns white and at which the sound begins, between the bumpers.
func onsets(t *testing.T, file string, rate rational) (seen, heard []float64) {
	t.Helper()
	bumper := rate.frames(bumperLength)
	pictures, sound := signals(t, file, true)
	for i := bumper; i < len(pictures)-bumper; i++ {
		if pictures[i] > 180 && (i == bumper || pictures[i-1] <= 180) {
			seen = append(seen, float64(i)/rate.float())
		}
	}
	quiet := sampleRate
	for i, v := range sound {
		if math.Abs(v) < 0.05 {
			quiet++
			continue
		}
		if quiet > sampleRate/4 {
			heard = append(heard, float64(i)/sampleRate)
		}
		quiet = 0
	}
	return seen, heard
}

// signals returns the mean brightness of each picture, 0 to 255 in video levels, and, if asked for, the sound at 48 kHz
// in one channel, from -1 to 1.
func signals(t testing.TB, file string, withSound bool) (pictures, sound []float64) {
	t.Helper()
	grey, samples := filepath.Join(t.TempDir(), "grey.raw"), filepath.Join(t.TempDir(), "samples.raw")
	args := []string{
		"-nostdin", "-v", "error", "-threads", "1", "-i", file, "-map", "0:v",
		"-vf", "crop=320:240,scale=16:12:flags=area,format=gray", "-f", "rawvideo", grey,
	}
	if withSound {
		args = append(args, "-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le", samples)
	}
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(grey)
	if err != nil {
		t.Fatal(err)
	}
	for picture := range slices.Chunk(data, 16*12) {
		sum := 0
		for _, v := range picture {
			sum += int(v)
		}
		pictures = append(pictures, float64(sum)/float64(len(picture)))
	}
	if !withSound {
		return pictures, nil
	}
	if data, err = os.ReadFile(samples); err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(data, 2) {
		sound = append(sound, float64(int16(uint16(pair[0])|uint16(pair[1])<<8))/32768)
	}
	return pictures, sound
}

// A track that ends before the content begins leaves a rendition without sound, not a failure.
func TestSoundThatEndsBeforeStart(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x36:r=30:d=4"), lavfi(tone+":d=1"), x264())...)
	j := jobFor(t, in)
	j.Start = 3 * time.Second
	r := mustProcess(t, newProcessor(t, Options{}), j)
	checkClean(t, r, "30/1", false)
	if len(r.Notices) > 0 {
		t.Errorf("notices %v of a track that is whole", r.Notices)
	}
	checkFolder(t, j, r)
}

// The content begins with the picture that is shown at Start.
func TestStartIsExactToAPicture(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	// Each picture is eight steps brighter than the one before.
	src := lavfi("color=black:s=64x36:r=25:d=1.04,format=gray,geq=lum='20+8*N',format=yuv420p")
	p := newProcessor(t, Options{})
	for ext, pictures := range map[string][]int{".mp4": {0, 1, 13, 24}, ".mkv": {7, 13}, ".mov": {22}} {
		in := cliptest.Make(t, "in"+ext,
			append(src, "-c:v", "libx264", "-preset", "veryfast", "-crf", "1", "-g", "60")...)
		for _, picture := range pictures {
			t.Run(fmt.Sprintf("%s from %d", ext, picture), func(t *testing.T) {
				t.Parallel()
				j := jobFor(t, in)
				j.Start = time.Duration(picture) * 40 * time.Millisecond
				shown, _ := signals(t, mustProcess(t, p, j).Video, false)
				first := shown[rational{25, 1}.frames(briefBumper)]
				if got := (first - 20) / 8; math.Abs(got-float64(picture)) > 0.4 {
					t.Errorf("begins with %.1f", got)
				}
			})
		}
	}
}
