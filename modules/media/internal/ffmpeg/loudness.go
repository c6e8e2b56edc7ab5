package ffmpeg

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

const (
	targetLUFS = -16.0 // the level of speech and music on streaming services
	maxPeak    = -1.0  // dBTP, after AAC
	// AAC does not keep the waveform: in the worst case its peaks come out this much higher, in dB.
	codecMargin = 0.8
	// In dB; a higher gain would raise the noise of the room, not the performance.
	maxGain = 24.0
	// ebur128 reports -70 LUFS when nothing passed its gate.
	silence = -69.0
	// A factor: 60 dB above full scale, which no microphone recorded.
	wildPeak = 1000
)

// loudness of a whole clip, by ITU-R BS.1770.
type loudness struct {
	integrated float64 // LUFS
	peak       float64 // dBTP
}

// gain is the factor, in dB, by which all samples are multiplied. A constant factor cannot pump; when peaks forbid the
// target, the clip stays quieter.
func (l loudness) gain() float64 {
	if !l.heard() || math.IsInf(l.peak, 0) {
		return 0
	}
	return min(targetLUFS-l.integrated, maxPeak-codecMargin-l.peak, maxGain)
}

// unheard is the loudness of nothing.
func unheard() loudness { return loudness{integrated: silence, peak: math.Inf(-1)} }

// heard reports whether anything passed the gate.
func (l loudness) heard() bool { return l.integrated > silence }

// readLoudness returns what was measured from a time on, in samples of the clip, because filters that are set up anew
// begin anew. Without a sample there is no file.
func readLoudness(file string) (l loudness, from float64, err error) {
	data, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return unheard(), 0, fmt.Errorf("read loudness: %w", err)
	}
	l, from = parseLoudness(data)
	return l, from, nil
}

// parseLoudness reads what ametadata printed: for each frame "frame:0 pts:0 pts_time:0", then lines "key=value". The
// last value counts, because each covers everything before it. The peak of samples that are no numbers is infinite.
func parseLoudness(data []byte) (l loudness, from float64) {
	l = unheard()
	if _, rest, ok := strings.Cut(string(data[:min(len(data), 200)]), "pts:"); ok {
		text, _, _ := strings.Cut(rest, " ")
		from, _ = strconv.ParseFloat(text, 64) // 0 when it is no number
	}
	wild := false
	for line := range bytes.Lines(data) {
		key, value, ok := strings.Cut(strings.TrimSpace(string(line)), "=")
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch {
		case key == "lavfi.r128.I" && !math.IsNaN(f):
			l.integrated = f
		case strings.HasPrefix(key, "lavfi.r128.true_peak"): // of all channels, or of one
			wild = wild || math.IsNaN(f) || f < 0 || f > wildPeak
			if key == "lavfi.r128.true_peak" {
				l.peak = 20 * math.Log10(f)
			}
		}
	}
	if wild {
		l.peak = math.Inf(1)
	}
	return l, from
}
