package ffmpeg

import (
	"fmt"
	"math"
)

// geometry says how a source picture fits into a frame without being stretched: scaled as stored, then turned, then
// centred on black. Turning after scaling moves fewer pixels than ffmpeg's own rotation, which comes first.
type geometry struct {
	frame          size
	scaleW, scaleH int // as stored, before turning
	turn           turn
	padX, padY     int // left and top bar; 0 and 0 when the picture fills the frame
	width, height  int // of the picture after turning
}

// turn is one of the eight orientations of a picture: four ways to hold a camera, and their mirror images.
type turn int

const (
	upright turn = iota
	clockwise
	halfTurn
	counterclockwise
	mirrored     // left and right exchanged
	upsideMirror // top and bottom exchanged
	transposed   // mirrored along the falling diagonal
	antiTransposed
)

func (t turn) sideways() bool {
	return t == clockwise || t == counterclockwise || t == transposed || t == antiTransposed
}

// filters returns how ffmpeg performs a turn: the direction for its transpose filter ("" = none), and which flips.
func (t turn) filters() (transpose string, hflip, vflip bool) {
	switch t {
	case clockwise:
		return "clock", false, false
	case counterclockwise:
		return "cclock", false, false
	case transposed:
		return "cclock_flip", false, false
	case antiTransposed:
		return "clock_flip", false, false
	case halfTurn:
		return "", true, true
	case mirrored:
		return "", true, false
	case upsideMirror:
		return "", false, true
	}
	return "", false, false
}

// turnOf reads a display matrix. A stored point (x, y) is shown at (a·x + c·y, b·x + d·y), y downwards (ISO/IEC
// 14496-12, 6.2.2). Any other angle becomes the nearest quarter turn.
func turnOf(m [4]float64) turn {
	a, b, c, d := m[0], m[1], m[2], m[3]
	if math.Abs(a)+math.Abs(d) >= math.Abs(b)+math.Abs(c) {
		switch {
		case a < 0 && d < 0:
			return halfTurn
		case a < 0:
			return mirrored
		case d < 0:
			return upsideMirror
		}
		return upright
	}
	switch {
	case b > 0 && c < 0:
		return clockwise
	case b < 0 && c > 0:
		return counterclockwise
	case b > 0:
		return transposed
	}
	return antiTransposed
}

// smallFrame is the frame of the small rendition: upright for an upright picture, so that it fills a phone.
func smallFrame(v videoStream) size {
	if w, h := v.shown(); h > w {
		return size{smallShort, smallLong}
	}
	return size{smallLong, smallShort}
}

// shown returns the size of the picture as it is meant to be seen, in square pixels.
func (v videoStream) shown() (w, h float64) {
	w, h = float64(v.width), float64(v.height)
	if v.sar.known() {
		// A pixel ratio beyond 10 comes from damage, not from a lens.
		if s := v.sar.float(); s > 0.1 && s < 10 {
			w *= s
		}
	}
	if turnOf(v.matrix).sideways() {
		w, h = h, w
	}
	return w, h
}

// fit places a picture in a frame.
func fit(v videoStream, frame size) geometry {
	t := turnOf(v.matrix)
	w, h := v.shown()
	k := min(float64(frame.width)/w, float64(frame.height)/h)
	g := geometry{frame: frame, turn: t, width: even(w*k, frame.width), height: even(h*k, frame.height)}
	g.padX, g.padY = (frame.width-g.width)/4*2, (frame.height-g.height)/4*2 // even, for chroma
	g.scaleW, g.scaleH = g.width, g.height
	if t.sideways() {
		g.scaleW, g.scaleH = g.height, g.width
	}
	return g
}

// fitting returns the size of each picture in the frame, as expressions of ffmpeg's scale filter. A picture of the size
// and the pixel ratio that is usual in the clip gets the size that fit found; any other is fitted anew. Its pixels have
// the ratio that the picture carries.
func (g geometry) fitting(usualW, usualH int, usualRatio float64) (w, h string) {
	usual := fmt.Sprintf("eq(iw,%d)*eq(ih,%d)*lt(abs(sar/%.9f-1),0.01)", usualW, usualH, usualRatio)
	const shape = "(iw*if(between(sar,0.1,10),sar,1)/ih)"
	fit := func(usually int, other string, limit int) string {
		return fmt.Sprintf("if(%s,%d,clip(ceil((%s)/2-0.5)*2,2,%d))", usual, usually, other, limit)
	}
	frameW, frameH := g.frame.width, g.frame.height
	return fit(g.width, fmt.Sprintf("min(%d,%d*%s)", frameW, frameH, shape), frameW),
		fit(g.height, fmt.Sprintf("min(%d,%d/%s)", frameH, frameW, shape), frameH)
}

// even rounds to the nearest even number between 2 and limit, down at a tie, because half a chroma sample cannot be
// shown.
func even(f float64, limit int) int {
	return min(max(int(math.Ceil(f/2-0.5))*2, 2), limit)
}
