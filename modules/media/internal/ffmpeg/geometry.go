package ffmpeg

import (
	"fmt"
	"math"
)

// geometry says how a source picture becomes 1280×720 without being stretched: scaled as stored, then turned, then
// centred on black. Turning after scaling moves fewer pixels than ffmpeg's own rotation, which comes first.
type geometry struct {
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

// fit places a picture in the frame.
func fit(v videoStream) geometry {
	t := turnOf(v.matrix)
	w, h := float64(v.width), float64(v.height)
	if v.sar.known() {
		// A pixel ratio beyond 10 comes from damage, not from a lens.
		if s := v.sar.float(); s > 0.1 && s < 10 {
			w *= s
		}
	}
	if t.sideways() {
		w, h = h, w
	}
	k := min(outWidth/w, outHeight/h)
	g := geometry{turn: t, width: even(w*k, outWidth), height: even(h*k, outHeight)}
	g.padX, g.padY = (outWidth-g.width)/4*2, (outHeight-g.height)/4*2 // even, for chroma
	g.scaleW, g.scaleH = g.width, g.height
	if t.sideways() {
		g.scaleW, g.scaleH = g.height, g.width
	}
	return g
}

// fitting returns the size of each picture in the frame, as expressions of ffmpeg's scale filter. A picture of the size
// and the pixel ratio that is usual in the clip becomes width×height; any other is fitted anew, as fit would. Its
// pixels have the ratio that the picture carries.
func fitting(usualW, usualH int, usualRatio float64, width, height int) (w, h string) {
	usual := fmt.Sprintf("eq(iw,%d)*eq(ih,%d)*lt(abs(sar/%.9f-1),0.01)", usualW, usualH, usualRatio)
	shape := "(iw*if(between(sar,0.1,10),sar,1)/ih)"
	fit := func(usually int, other string, limit int) string {
		return fmt.Sprintf("if(%s,%d,clip(ceil((%s)/2-0.5)*2,2,%d))", usual, usually, other, limit)
	}
	return fit(width, fmt.Sprintf("min(%d,%d*%s)", outWidth, outHeight, shape), outWidth),
		fit(height, fmt.Sprintf("min(%d,%d/%s)", outHeight, outWidth, shape), outHeight)
}

// even rounds to the nearest even number between 2 and limit, down at a tie, because half a chroma sample cannot be
// shown.
func even(f float64, limit int) int {
	return min(max(int(math.Ceil(f/2-0.5))*2, 2), limit)
}
