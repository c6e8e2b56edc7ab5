package ffmpeg

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read sound: %w", err)
	}
	defer f.Close()
	in := bufio.NewReader(f)
	samples, err := nextSamples(in, f)
	b := make([]byte, 4)
	for i := range samples {
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, fmt.Errorf("read sound: %w", err)
		}
		samples[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
	}
	return samples, err
}

// nextSamples goes to the first sample of a file and makes room for all of them.
func nextSamples(in *bufio.Reader, f *os.File) ([]float32, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read sound: %w", err)
	}
	skip, left := int64(wavHead), st.Size()
	for skip+wavChunk <= left {
		var chunk [wavChunk]byte
		_, err1 := in.Discard(int(skip))
		_, err2 := io.ReadFull(in, chunk[:])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read sound: %w", err)
		}
		left -= skip + wavChunk
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		if string(chunk[:4]) == "data" {
			return make([]float32, min(size, left)/4/channels*channels), nil
		}
		skip = size + size%2
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
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write sound: %w", err)
	}
	out := bufio.NewWriter(f) // whose first error Flush returns
	_, _ = out.Write(data)
	for _, s := range samples {
		_, _ = out.Write(le.AppendUint32(data[:0], math.Float32bits(s)))
	}
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
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
