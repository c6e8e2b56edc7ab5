package ffmpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
)

// channels is the number of channels of every clip's sound. Its samples lie in memory one channel after the other for
// each moment.
const channels = 2

const (
	wavChunk = 8  // name and size
	wavHead  = 12 // RIFF, size, WAVE
)

// readSamples returns the samples of a WAV file of floats.
func readSamples(file string) ([]float32, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read sound: %w", err)
	}
	for at := wavHead; at+wavChunk <= len(data); {
		size := int(binary.LittleEndian.Uint32(data[at+4:]))
		body := data[at+wavChunk:]
		if string(data[at:at+4]) == "data" {
			body = body[:min(size, len(body))]
			samples := make([]float32, len(body)/4/channels*channels)
			for i := range samples {
				samples[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
			}
			return samples, nil
		}
		at += wavChunk + size + size%2
	}
	return nil, errors.New("read sound: the file has no samples")
}

// writeSamples is the reverse of readSamples.
func writeSamples(file string, samples []float32) error {
	const format, frame = 3, 4 * channels // 3: float
	le := binary.LittleEndian
	data := append(le.AppendUint32([]byte("RIFF"), uint32(4*len(samples)+36)), "WAVEfmt \x10\x00\x00\x00"...)
	data = le.AppendUint16(le.AppendUint16(data, format), channels)
	data = le.AppendUint32(le.AppendUint32(data, sampleRate), sampleRate*frame)
	data = le.AppendUint16(le.AppendUint16(data, frame), 32)
	data = le.AppendUint32(append(data, "data"...), uint32(4*len(samples)))
	for _, s := range samples {
		data = le.AppendUint32(data, math.Float32bits(s))
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return fmt.Errorf("write sound: %w", err)
	}
	return nil
}

// tame replaces samples that are no numbers or beyond wildPeak by silence. It returns how many.
func tame(samples []float32) (replaced int) {
	for i, s := range samples {
		if f := math.Abs(float64(s)); math.IsNaN(f) || f > wildPeak {
			samples[i] = 0
			replaced++
		}
	}
	return replaced
}
