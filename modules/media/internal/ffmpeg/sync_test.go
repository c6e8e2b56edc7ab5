package ffmpeg

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// flashes is a dark picture that turns white for a fifth of a second, with a beep of the same length, at every odd second.
func flashes(rate string, secs int) []string {
	const when = "between(mod(t,2),0.999,1.199)"
	return []string{
		"-f", "lavfi", "-i", fmt.Sprintf("color=0x303030:s=320x240:r=%s:d=%d,drawbox=c=white:t=fill:enable='%s'", rate, secs, when),
		"-f", "lavfi", "-i", fmt.Sprintf("aevalsrc='if(%s,0.5*sin(6283*t),0)':s=48000:d=%d", when, secs),
	}
}

// Sound and picture stay together through the intro, at every rate and in spite of what the source's clocks do.
func TestSoundStaysWithPicture(t *testing.T) {
	t.Parallel()
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name  string
		ext   string
		rate  string
		args  []string
		start time.Duration
	}{
		{name: "30", rate: "30"},
		{name: "23.976", rate: "24000/1001"},
		{name: "25", rate: "25"},
		{name: "29.97 from 59.94", rate: "60000/1001"},
		{name: "cut at 3.3 s", rate: "30", start: 3300 * time.Millisecond},
		{name: "cut at 3.3 s in mkv", ext: ".mkv", rate: "30", args: []string{"-g", "250"}, start: 3300 * time.Millisecond},
		{name: "B pictures and edit list", rate: "30", args: []string{"-bf", "3", "-preset", "veryfast"}},
		{name: "late start", rate: "30", args: []string{"-output_ts_offset", "4.3"}},
		{name: "late start, cut", rate: "30", args: []string{"-output_ts_offset", "4.3"}, start: 2500 * time.Millisecond},
		{name: "negative start", ext: ".mkv", rate: "30", args: []string{"-output_ts_offset", "-0.4", "-avoid_negative_ts", "disabled"}},
		{name: "variable rate", rate: "60", args: []string{"-vf", "select='not(mod(n,5))+not(mod(n,3))'", "-fps_mode", "vfr"}},
		{name: "fragmented", rate: "30", args: []string{"-movflags", "frag_keyframe+empty_moov", "-g", "10"}},
		{name: "Opus in webm", ext: ".webm", rate: "30", args: []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"}},
		{name: "MP3 in mov", ext: ".mov", rate: "30", args: []string{"-c:a", "libmp3lame"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := append(flashes(c.rate, 8), append(slices.Clip(x264), c.args...)...)
			j := jobFor(t, makeClip(t, "in"+or(c.ext, ".mp4"), args...))
			j.Start = c.start
			r := process(t, p, j)
			rate := parseRational(inspect(t, r.Video).stream("video").RRate)
			seen, heard := onsets(t, r.Video, rate)
			if len(seen) < 2 || len(seen) != len(heard) {
				t.Fatalf("flashes at %v, beeps at %v", seen, heard)
			}
			for i := range seen {
				if d := seen[i] - heard[i]; math.Abs(d) > 0.040 {
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
	pictures := greys(t, file)
	for i := bumper; i < len(pictures)-bumper; i++ {
		if pictures[i] > 180 && (i == bumper || pictures[i-1] <= 180) {
			seen = append(seen, float64(i)/rate.float())
		}
	}
	quiet := sampleRate
	for i, v := range samples(t, file) {
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

// A track that ends before the content begins leaves a rendition without sound, not a failure.
func TestSoundThatEndsBeforeStart(t *testing.T) {
	t.Parallel()
	j := jobFor(t, makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=64x36:r=30:d=4", "-f", "lavfi", "-i", tone+":d=1", "-c:v", "libx264", "-preset", "ultrafast"))
	j.Start = 3 * time.Second
	checkClean(t, process(t, newProcessor(t, Options{}), j), "30/1", false)
	left, err := os.ReadDir(j.Dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left in the folder: %v %v", left, err)
	}
}

// The content begins with the picture that is shown at Start.
func TestStartIsExactToAPicture(t *testing.T) {
	t.Parallel()
	// Each picture is eight steps brighter than the one before.
	src := "color=black:s=64x36:r=25:d=1.04,format=gray,geq=lum='20+8*N',format=yuv420p"
	p := newProcessor(t, Options{})
	for ext, pictures := range map[string][]int{".mp4": {0, 1, 13, 24}, ".mkv": {7, 13}, ".mov": {22}} {
		in := makeClip(t, "in"+ext, "-f", "lavfi", "-i", src, "-c:v", "libx264", "-preset", "veryfast", "-crf", "1", "-g", "60")
		for _, picture := range pictures {
			t.Run(fmt.Sprintf("%s from %d", ext, picture), func(t *testing.T) {
				t.Parallel()
				j := jobFor(t, in)
				j.Start = time.Duration(picture) * 40 * time.Millisecond
				r := process(t, p, j)
				first := greys(t, r.Video)[rational{25, 1}.frames(bumperLength)]
				if got := (first - 20) / 8; math.Abs(got-float64(picture)) > 0.4 {
					t.Errorf("begins with %.1f", got)
				}
			})
		}
	}
}

func TestSoundIsBroughtToOneLoudness(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name, source string
		want         float64 // LUFS; 0 = only the peak is asked for
	}{
		{"quiet", "sine=f=1000:d=6:r=48000,volume=-12dB", targetLUFS},
		{"loud", "anoisesrc=c=pink:a=1:d=6:r=48000", 0},
		{"right", "sine=f=1000:d=6:r=48000,volume=-2dB", targetLUFS},
		{"one clap in silence", "aevalsrc='if(between(t,2,2.003),0.99,0)+0.004*sin(2000*t)':s=48000:d=6", 0},
		{"square wave", "aevalsrc='0.9*sgn(sin(1300*t))':s=44100:d=6", targetLUFS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := makeClip(t, "in.mov", "-f", "lavfi", "-i", "color=gray:s=64x36:r=30:d=6", "-f", "lavfi", "-i", c.source,
				"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le")
			level, peak := measureLoudness(t, process(t, p, jobFor(t, in)).Video)
			if c.want != 0 && math.Abs(level-c.want) > 0.7 {
				t.Errorf("%.1f LUFS, want %.1f", level, c.want)
			}
			if peak > maxPeak {
				t.Errorf("peak %.1f dBTP", peak)
			}
		})
	}
	t.Run("silence stays silent", func(t *testing.T) {
		t.Parallel()
		in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "color=gray:s=64x36:r=30:d=2", "-f", "lavfi", "-i", "anullsrc", "-shortest", "-c:v", "libx264", "-preset", "ultrafast")
		for i, v := range samples(t, process(t, p, jobFor(t, in)).Video) {
			if v != 0 {
				t.Fatalf("sample %d is %v", i, v)
			}
		}
	})
}

// One factor for all samples: what was 20 dB apart stays 20 dB apart.
func TestGainDoesNotPump(t *testing.T) {
	t.Parallel()
	in := makeClip(t, "in.mov", "-f", "lavfi", "-i", "color=gray:s=64x36:r=30:d=6",
		"-f", "lavfi", "-i", "aevalsrc='if(lt(t,3),0.02,0.2)*sin(2*PI*1000*t)':s=48000:d=6", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le")
	s := samples(t, process(t, newProcessor(t, Options{}), jobFor(t, in)).Video)
	level := func(from, to float64) float64 {
		var sum float64
		part := s[int((2.5+from)*sampleRate):int((2.5+to)*sampleRate)]
		for _, v := range part {
			sum += v * v
		}
		return 10 * math.Log10(sum/float64(len(part)))
	}
	quiet, loud := level(1, 2.5), level(4, 5.5)
	if d := loud - quiet; math.Abs(d-20) > 0.3 {
		t.Errorf("20 dB became %.2f dB", d)
	}
	if early, late := level(0.2, 0.7), level(2.2, 2.7); math.Abs(early-late) > 0.2 {
		t.Errorf("the level of one tone moves from %.2f to %.2f dB", early, late)
	}
}

var loudnessLine = regexp.MustCompile(`(?m)^\s+(I|Peak):\s+(-?[0-9.]+)`)

func measureLoudness(t testing.TB, file string) (integrated, peak float64) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-hide_banner", "-nostats", "-i", file, "-map", "0:a", "-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	summary := out[bytes.LastIndex(out, []byte("Summary:")):]
	for _, m := range loudnessLine.FindAllSubmatch(summary, -1) {
		f, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			t.Fatal(err)
		}
		if string(m[1]) == "I" {
			integrated = f
		} else {
			peak = f
		}
	}
	return integrated, peak
}
