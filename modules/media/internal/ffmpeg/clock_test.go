package ffmpeg

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The clock that is followed is the one behind the times, which jitter, and of which some are lost: no sample is heard
// 10 ms from where it belongs, and what needs no correction is left as it is.
func TestClockIsFollowed(t *testing.T) {
	t.Parallel()
	const second = sampleRate
	for _, c := range []struct {
		name   string
		frame  float64                  // samples of a packet
		clock  func(at float64) float64 // when a moment of the recording is heard; default: then
		lost   func(packet int) bool    // default: none
		jitter float64                  // largest error of a time, in samples
		pieces int                      // default 1
		even   bool                     // no sample is moved against the others
	}{
		{name: "true", frame: 1024, even: true},
		{name: "late", frame: 1024, clock: func(at float64) float64 { return at + second/3 }, even: true},
		{name: "jitter", frame: 960, jitter: 0.015 * second, even: true},
		{name: "slow", frame: 1024, clock: func(at float64) float64 { return at * 1.003 }},
		{
			name: "fast, with jitter", frame: 960, jitter: 0.01 * second,
			clock: func(at float64) float64 { return at * 0.997 },
		},
		{
			name: "slow, later true", frame: 1024,
			clock: func(at float64) float64 { return at + 0.004*min(at, 12*second) },
		},
		{
			name: "a wave", frame: 1024,
			clock: func(at float64) float64 { return at + 0.03*second*math.Sin(at/second/3) },
		},
		{name: "one of 100 lost", frame: 1024, lost: func(n int) bool { return n%100 == 99 }, pieces: 15, even: true},
		{name: "one of ten lost", frame: 960, lost: func(n int) bool { return n%10 == 9 }, pieces: 150, even: true},
		{name: "10 ms lost", frame: 480, lost: func(n int) bool { return n%200 == 199 }, pieces: 15, even: true},
		{
			name: "lost, slow, with jitter", frame: 960, lost: func(n int) bool { return n%100 == 99 }, pieces: 15,
			clock: func(at float64) float64 { return at * 1.003 }, jitter: 0.005 * second, even: true,
		},
		{name: "every second lost", frame: 1024, lost: func(n int) bool { return n%2 == 1 }, pieces: 704, even: true},
		{name: "two of three lost", frame: 960, lost: func(n int) bool { return n%3 > 0 }, pieces: 500, even: true},
		{
			name: "every second lost, with jitter", frame: 1024, lost: func(n int) bool { return n%2 == 1 },
			jitter: 0.003 * second, pieces: 704, even: true,
		},
		{
			name: "every second lost, in whole ms", frame: 1024, lost: func(n int) bool { return n%2 == 1 },
			clock: func(at float64) float64 { return math.Round(at/48) * 48 }, pieces: 704, even: true,
		},
		{name: "a pause", frame: 1024, lost: func(n int) bool { return n > 300 && n < 500 }, pieces: 2, even: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			var frames []stamp
			var truth []knot
			n := 0.0
			for i := 0; float64(i)*c.frame < 30*second; i++ {
				if c.lost != nil && c.lost(i) {
					continue
				}
				at := float64(i) * c.frame
				if c.clock != nil {
					at = c.clock(at)
				}
				truth = append(truth, knot{n, at})
				frames = append(frames, stamp{at + c.jitter*(2*random.Float64()-1), c.frame})
				n += c.frame
			}
			got := pieces(frames)
			if len(got) != max(c.pieces, 1) {
				t.Errorf("%d pieces, want %d", len(got), max(c.pieces, 1))
			}
			worst := 0.0
			for _, p := range got {
				if c.even != p.even() {
					t.Errorf("a piece from %.0f: even is %v", p.begin(), p.even())
				}
				for _, k := range truth {
					if k.n >= p.knots[0].n && k.n < p.knots[len(p.knots)-1].n {
						worst = max(worst, math.Abs(p.sample(k.at)-k.n))
					}
				}
			}
			if worst > 0.010*second {
				t.Errorf("off by up to %.1f ms", worst/second*1000)
			}
		})
	}
}
