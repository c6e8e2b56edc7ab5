package ffmpeg

import (
	"bytes"
	"math"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"risingstars/infra/cliptest"
)

// withSound returns a grey clip of so many seconds with a source of sound.
func withSound(t *testing.T, secs, source string) string {
	t.Helper()
	return cliptest.Make(t, "in.mov", slices.Concat(lavfi("color=gray:s=64x36:r=30:d="+secs), lavfi(source),
		x264("-c:a", "pcm_s16le"))...)
}

func TestSoundIsBroughtToOneLoudness(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name, source string
		want         float64 // LUFS; 0 = only the peak matters
	}{
		{"quiet", "sine=f=1000:d=4:r=48000,volume=-12dB", targetLUFS},
		{"loud", "anoisesrc=c=pink:a=1:d=4:r=48000", 0},
		{"right", "sine=f=1000:d=4:r=48000,volume=-2dB", targetLUFS},
		{"one clap in silence", "aevalsrc='if(between(t,2,2.003),0.99,0)+0.004*sin(2000*t)':s=48000:d=4", 0},
		{"square wave", "aevalsrc='0.9*sgn(sin(1300*t))':s=44100:d=4", targetLUFS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			level, peak := measureLoudness(t, mustProcess(t, p, jobFor(t, withSound(t, "4", c.source))).Video)
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
		_, sound := signals(t, mustProcess(t, p, jobFor(t, withSound(t, "1", "anullsrc=d=1"))).Video, true)
		for i, v := range sound {
			if v != 0 {
				t.Fatalf("sample %d is %v", i, v)
			}
		}
	})
}

// One factor for all samples: what was 20 dB apart stays 20 dB apart.
func TestGainDoesNotPump(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := withSound(t, "6", "aevalsrc='if(lt(t,3),0.02,0.2)*sin(2*PI*1000*t)':s=48000:d=6")
	_, sound := signals(t, mustProcess(t, newProcessor(t, Options{}), jobFor(t, in)).Video, true)
	level := func(from, to float64) float64 {
		var sum float64
		begin := briefBumper.Seconds()
		part := sound[int((begin+from)*sampleRate):int((begin+to)*sampleRate)]
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

// measureLoudness returns the integrated loudness in LUFS and the true peak in dBTP.
func measureLoudness(t testing.TB, file string) (integrated, peak float64) {
	t.Helper()
	out := ffmpegRun(t, "-nostats", "-i", file, "-map", "0:a",
		"-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-")
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
