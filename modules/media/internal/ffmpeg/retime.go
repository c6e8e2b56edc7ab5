package ffmpeg

import (
	"context"
	"math"
)

// retimed plays samples, of which pieces say when they are heard, from the beginning of the clip on. It is at most
// length moments long.
//
// Where a piece ends early, its end is continued backwards, ever more quietly; likewise before the next one. That hides
// the loss of a packet, and a longer gap becomes silence without a click. Where pieces overlap, one fades into the
// next. Many pieces take long, so it returns an error when ctx ends.
func retimed(ctx context.Context, samples []float32, pieces []piece, length int) ([]float32, error) {
	end := 0.0
	for _, p := range pieces {
		end = max(end, p.end())
	}
	out := make([]float32, min(max(0, int(math.Round(end))), length)*channels)
	filter, last := newInterpolator(), 0
	for i, p := range pieces {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		from, to := int(math.Round(p.begin())), int(math.Round(p.end()))
		if i+1 < len(pieces) { // what overlaps with the next piece is only for the fade
			to = min(to, int(math.Round(pieces[i+1].begin()))+fadeSamples)
		}
		for t := max(from, 0); t < min(to, len(out)/channels); t++ {
			now := filter.play(samples, p, t)
			if t < last { // there is the end of the piece before
				mix := float32(t-from+1) / (fadeSamples + 1)
				for c := range now {
					now[c] = now[c]*mix + out[t*channels+c]*(1-mix)
				}
			}
			copy(out[t*channels:], now[:])
		}
		if i > 0 {
			bridge(out, last, from)
		}
		last = to
	}
	return out, nil
}

const (
	fadeSamples   = sampleRate / 200     // 5 ms
	bridgeSamples = sampleRate / 100     // 10 ms
	longestBridge = sampleRate * 6 / 100 // 60 ms, two packets of any codec or more
)

// bridge fills the gap from one moment to another.
func bridge(out []float32, from, to int) {
	count := len(out) / channels
	width := to - from
	if width <= 0 || from <= 0 || to >= count {
		return
	}
	reach := width
	if width > longestBridge {
		reach = bridgeSamples
	}
	for g := range reach {
		weight := float32(0.5 + 0.5*math.Cos(math.Pi*float64(g+1)/float64(reach+1)))
		if source := from - 1 - g; source >= 0 {
			for c := range channels {
				out[(from+g)*channels+c] += out[source*channels+c] * weight
			}
		}
		if source := to + g; source < count {
			for c := range channels {
				out[(to-1-g)*channels+c] += out[source*channels+c] * weight
			}
		}
	}
}

// interpolator finds values between samples with a windowed sinc.
type interpolator struct{ taps [][]float32 }

const (
	phases = 1024 // places between two samples
	width  = 32   // samples that one value is made of
)

func newInterpolator() *interpolator {
	f := &interpolator{taps: make([][]float32, phases+1)}
	for phase := range f.taps {
		taps := make([]float32, width)
		sum := 0.0
		value := func(i int) float64 {
			x := float64(i-width/2+1) - float64(phase)/phases
			window := 0.42 + 0.5*math.Cos(2*math.Pi*x/width) + 0.08*math.Cos(4*math.Pi*x/width) // Blackman's
			if x == 0 {
				return 1
			}
			return math.Sin(math.Pi*x) / (math.Pi * x) * window
		}
		for i := range taps {
			sum += value(i)
		}
		for i := range taps {
			taps[i] = float32(value(i) / sum)
		}
		f.taps[phase] = taps
	}
	return f
}

// play returns what is heard of a piece at a moment of the clip.
func (f *interpolator) play(samples []float32, p piece, at int) (now [channels]float32) {
	first, end := int(p.knots[0].n), min(int(p.knots[len(p.knots)-1].n), len(samples)/channels)
	if p.even() {
		if n := at - p.shift(); n >= first && n < end {
			copy(now[:], samples[n*channels:])
		}
		return now
	}
	whole, part := math.Modf(max(0, p.sample(float64(at))))
	for i, weight := range f.taps[int(math.Round(part*phases))] {
		// Outside of the piece the nearest sample stands for the missing ones.
		n := min(max(int(whole)+i-width/2+1, first), end-1)
		if n < 0 {
			continue
		}
		for c := range now {
			now[c] += samples[n*channels+c] * weight
		}
	}
	return now
}
