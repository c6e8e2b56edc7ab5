package ffmpeg

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// stamp is one line of a table that the framecrc muxer wrote: when a packet is heard and for how long, in samples at
// sampleRate.
type stamp struct{ at, length float64 }

func (s stamp) end() float64 { return s.at + s.length }

// readStamps reads a table. There is none when nothing could be decoded.
func readStamps(file string) ([]stamp, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read times of the sound: %w", err)
	}
	return parseStamps(data), nil
}

// parseStamps reads lines "stream, dts, pts, duration, …" and the time base above them. It leaves out packets without a
// time.
func parseStamps(data []byte) (all []stamp) {
	tick := 1.0
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		if base, ok := strings.CutPrefix(text, "#tb 0: "); ok {
			if r := parseRational(base); r.known() {
				tick = r.float() * sampleRate
			}
			continue
		}
		fields := strings.Split(text, ",")
		if strings.HasPrefix(text, "#") || len(fields) < 4 {
			continue
		}
		pts, err1 := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		length, err2 := strconv.ParseInt(strings.TrimSpace(fields[3]), 10, 64)
		if err1 == nil && err2 == nil && length > 0 {
			all = append(all, stamp{float64(pts) * tick, float64(length) * tick})
		}
	}
	return all
}

// missing is for how long, in samples, packets were there and nothing came of them. A pause has no packets.
func missing(packets, frames []stamp) float64 {
	sum, next := 0.0, 0
	for _, p := range packets {
		if p.at < 0 {
			continue // for the decoder to begin with
		}
		middle := p.at + p.length/2
		for next < len(frames) && frames[next].end() <= middle {
			next++
		}
		if next == len(frames) || frames[next].at > middle {
			sum += p.length
		}
	}
	return sum
}

// piece is a run of samples without a gap. On the way from the first to the last its clock may run a little faster or
// slower than that of the samples: knots say when single samples are heard.
type piece struct{ knots []knot }

// knot says that sample number n of the recording is heard at a time, in samples of the clip.
type knot struct{ n, at float64 }

const (
	// tolerance, 3 ms, is the distance between picture and sound that is left alone. Nobody notices 20 ms.
	tolerance = 0.003 * sampleRate
	// precision, 1 ms, is that of the times in a WebM file.
	precision = 0.001 * sampleRate
	// leap, 5 ms, is the shortest gap. The shortest packet that is usual has 10 ms.
	leap = 0.005 * sampleRate
)

// pieces finds out which of the frames' times are to be believed. Times jitter, so a gap must last, and a clock is only
// corrected by what many frames say together.
func pieces(frames []stamp) (all []piece) {
	points := make([]knot, len(frames))
	n := 0.0
	for i, f := range frames {
		points[i] = knot{n, f.at}
		n += f.length
	}
	begin, noise := 0, jitter(points)
	for i := 1; i < len(points); i++ {
		before, after := points[max(begin, i-around):i], points[i:min(len(points), i+around)]
		gap := min(math.Abs(points[i].late()-points[i-1].late()), math.Abs(middleLate(after)-middleLate(before)))
		if gap > leap+2*noise {
			all = append(all, newPiece(points[begin:i], points[i].n, noise))
			begin = i
		}
	}
	if begin < len(points) {
		all = append(all, newPiece(points[begin:], n, noise))
	}
	return all
}

// around is the number of frames, about a quarter of a second, before and after a gap that must agree on it.
const around = 12

// jitter is how much the times of frames usually differ from those of their neighbours, as far as it is there and back.
// If most frames follow a gap, because every second packet is lost or silence has none, the steps only add up.
func jitter(points []knot) float64 {
	steps, way, distance := []float64{0}, 0.0, 0.0
	for i := 1; i < len(points); i++ {
		step := points[i].late() - points[i-1].late()
		steps, way, distance = append(steps, math.Abs(step)), way+math.Abs(step), distance+step
	}
	slices.Sort(steps)
	return steps[len(steps)/2] * (1 - math.Abs(distance)/max(way, 1))
}

// late is how much later a sample is heard than its number says.
func (k knot) late() float64 { return k.at - k.n }

// middleLate is the median.
func middleLate(points []knot) float64 {
	late := make([]float64, len(points))
	for i, p := range points {
		late[i] = p.late()
	}
	slices.Sort(late)
	return (late[(len(late)-1)/2] + late[len(late)/2]) / 2
}

// newPiece sets the clock of the frames that begin at points and end at sample end: constant if that is true enough,
// else a straight line, else a line with a bend in every second. noise is the jitter of their times.
func newPiece(points []knot, end, noise float64) piece {
	first := points[0].n
	at := func(n, late float64) knot { return knot{n, n + late} }
	constant := math.Round(middleLate(points))
	if math.Abs(constant) < precision {
		constant = 0
	}
	middles := secondsOf(points, end)
	off := func(line func(n float64) float64) bool {
		far := func(k knot) bool { return math.Abs(k.late()-line(k.n)) > tolerance+noise/2 }
		return slices.ContainsFunc(middles, far)
	}
	if len(middles) < 2 || !off(func(float64) float64 { return constant }) {
		return piece{[]knot{at(first, constant), at(end, constant)}}
	}
	line := straight(middles)
	if !off(line) {
		return piece{[]knot{at(first, line(first)), at(end, line(end))}}
	}
	head, tail := straight(middles[:2]), straight(middles[len(middles)-2:])
	knots := slices.Concat([]knot{at(first, head(first))}, middles, []knot{at(end, tail(end))})
	for i := 1; i < len(knots); i++ { // time does not run backwards
		knots[i].at = max(knots[i].at, knots[i-1].at+(knots[i].n-knots[i-1].n)/2)
	}
	return piece{knots}
}

// secondsOf divides points into parts of about a second and returns the middle of each.
func secondsOf(points []knot, end float64) (middles []knot) {
	parts := min(max(1, int(math.Round((end-points[0].n)/sampleRate))), len(points))
	for i := range parts {
		from, to := i*len(points)/parts, (i+1)*len(points)/parts
		n := (points[from].n + points[to-1].n) / 2
		middles = append(middles, knot{n, n + middleLate(points[from:to])})
	}
	return middles
}

// straight is the line of the least squares through at least two points. It tells how late a sample is.
func straight(points []knot) func(n float64) float64 {
	var n, late, nn, nLate float64
	count := float64(len(points))
	for _, p := range points {
		n, late = n+p.n/count, late+p.late()/count
	}
	for _, p := range points {
		nn += (p.n - n) * (p.n - n)
		nLate += (p.n - n) * (p.late() - late)
	}
	slope := nLate / max(nn, 1)
	return func(at float64) float64 { return late + slope*(at-n) }
}

// even reports whether the piece is played as it is, only later or earlier.
func (p piece) even() bool {
	return len(p.knots) == 2 && math.Abs(p.knots[0].late()-p.knots[1].late()) < 0.5
}

// shift is how many samples later an even piece is played than its numbers say.
func (p piece) shift() int { return int(math.Round(p.knots[0].late())) }

func (p piece) begin() float64 { return p.knots[0].at }
func (p piece) end() float64   { return p.knots[len(p.knots)-1].at }

// sample is the number of the sample that is heard at a time.
func (p piece) sample(at float64) float64 {
	i, _ := slices.BinarySearchFunc(p.knots, at, func(k knot, at float64) int { return cmp.Compare(k.at, at) })
	i = min(max(i, 1), len(p.knots)-1)
	a, b := p.knots[i-1], p.knots[i]
	return a.n + (at-a.at)*(b.n-a.n)/max(b.at-a.at, 1)
}
