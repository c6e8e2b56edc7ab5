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
)

// loudness of a whole clip, by ITU-R BS.1770.
type loudness struct {
	integrated float64 // LUFS
	peak       float64 // dBTP
}

// gain is the factor, in dB, by which all samples are multiplied. A constant factor cannot pump; when peaks forbid the
// target, the clip stays quieter.
func (l loudness) gain() float64 {
	if l.integrated <= silence || math.IsInf(l.peak, -1) {
		return 0
	}
	return min(targetLUFS-l.integrated, maxPeak-codecMargin-l.peak, maxGain)
}

func readLoudness(file string) (loudness, error) {
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return parseLoudness(nil), nil // not one sample could be decoded
	}
	if err != nil {
		return loudness{}, fmt.Errorf("read loudness: %w", err)
	}
	return parseLoudness(data), nil
}

// parseLoudness reads what ametadata printed. The last value counts, because each covers everything before it.
func parseLoudness(data []byte) loudness {
	l := loudness{integrated: silence, peak: math.Inf(-1)}
	for line := range bytes.Lines(data) {
		key, value, ok := strings.Cut(strings.TrimSpace(string(line)), "=")
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(f) {
			continue
		}
		switch key {
		case "lavfi.r128.I":
			l.integrated = f
		case "lavfi.r128.true_peak":
			l.peak = 20 * math.Log10(f)
		}
	}
	return l
}
