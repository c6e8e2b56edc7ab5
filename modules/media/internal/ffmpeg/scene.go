package ffmpeg

import (
	"fmt"
	"time"

	fg "github.com/u2takey/ffmpeg-go"
)

// stage is the canvas on which a scene is laid out before it is scaled to the rendition's size.
type stage struct{ canvas, out size }

func stageFor(out size) stage {
	if out.tall() {
		return stage{size{outHeight, outWidth}, out}
	}
	return stage{bigSize(), out}
}

// pick returns the number for a lying stage, or that for an upright one.
func (st stage) pick(lying, upright float64) float64 {
	if st.canvas.tall() {
		return upright
	}
	return lying
}

// covered makes s fill the canvas: what is too wide or too high is cut off on both sides.
func (st stage) covered(s *fg.Stream) *fg.Stream {
	w, h := st.canvas.width, st.canvas.height
	s = filter(s, "scale", "w", w, "h", h, "force_original_aspect_ratio", "increase", "flags", "bicubic")
	return filter(s, "crop", "w", w, "h", h)
}

// layer is one still picture of a bumper and how it moves. Expressions are ffmpeg's, with t in seconds.
type layer struct {
	file     string
	x, y     string
	fadeFrom float64 // when it begins to appear, in seconds
	fadeFor  float64 // how long it takes to appear, in seconds; 0 = visible from the start
	zoom     float64 // factor of its size; 0 and 1 = as drawn
	grow     string  // factor of its size over t; "" = as drawn
	spin     string  // angle over t, in radians; "" = upright
}

// prepare turns the still picture s into the moving layer, before it is placed.
func (l layer) prepare(s *fg.Stream) *fg.Stream {
	s = filter(s, "format", "pix_fmts", "rgba")
	if l.spin != "" {
		s = filter(s, "rotate", "a", l.spin, "fillcolor", "none")
	}
	if l.zoom != 0 && l.zoom != 1 {
		s = filter(s, "scale", "w", fmt.Sprintf("iw*%g", l.zoom), "h", fmt.Sprintf("ih*%g", l.zoom), "flags", "bicubic")
	}
	if l.grow != "" {
		w, h := fmt.Sprintf("max(2,iw*(%s))", l.grow), fmt.Sprintf("max(2,ih*(%s))", l.grow)
		s = filter(s, "scale", "w", w, "h", h, "eval", "frame", "flags", "bilinear")
	}
	if l.fadeFor > 0 {
		s = filter(s, "fade", "type", "in", "start_time", l.fadeFrom, "duration", l.fadeFor, "alpha", 1)
	}
	return s
}

// easeOut is an expression that falls from 1 to 0 between the seconds from and from+length, fast at first.
func easeOut(from, length float64) string {
	return fmt.Sprintf("pow(1-clip((t-%g)/%g,0,1),3)", from, length)
}

// intro lets the star rise, turning, over the stage lights; the name and the line below it follow.
func (st stage) intro() []layer {
	star, name, line := st.pick(250, 430), st.pick(430, 690), st.pick(606, 860)
	return []layer{
		{file: "backdrop.png"},
		{file: "glow.png", x: "(W-w)/2", y: from(star, "-h/2"), fadeFrom: 0.45, fadeFor: 0.6, grow: "0.9+0.06*t"},
		{
			file: "star.png", x: "(W-w)/2", y: from(star, "-h/2+620*"+easeOut(0.1, 1.0)),
			spin: "-2.4*" + easeOut(0.1, 1.1), grow: "1-0.45*" + easeOut(0.1, 1.0),
		},
		{
			file: "name.png", x: "(W-w)/2", y: from(name, "+36*"+easeOut(0.6, 0.6)), fadeFrom: 0.6, fadeFor: 0.4,
			zoom: st.pick(1, 0.86),
		},
		{
			file: "intro-line.png", x: "(W-w)/2", y: from(line, "+20*"+easeOut(0.95, 0.5)),
			fadeFrom: 0.95, fadeFor: 0.4, zoom: st.pick(1, 1.25),
		},
	}
}

// outro calls to vote, with the star above the line.
func (st stage) outro() []layer {
	star, line, name := st.pick(190, 400), st.pick(330, 620), st.pick(590, 1040)
	return []layer{
		{file: "backdrop.png"},
		{file: "glow.png", x: "(W-w)/2", y: from(star, "-h/2"), grow: "0.8+0.05*t"},
		{file: "star.png", x: "(W-w)/2", y: from(star, "-h/2"), grow: "0.72+0.06*sin(2.6*t)", spin: "0.10*sin(2.2*t)"},
		{
			file: "outro-line.png", x: "(W-w)/2", y: from(line, "+40*"+easeOut(0.15, 0.6)),
			fadeFrom: 0.15, fadeFor: 0.4, zoom: st.pick(1, 0.75),
		},
		{
			file: "name-small.png", x: "(W-w)/2", y: from(name, "+20*"+easeOut(0.6, 0.5)),
			fadeFrom: 0.6, fadeFor: 0.4, zoom: st.pick(1, 1.15),
		},
	}
}

// from is an expression for a place: a number of pixels and what is added to it.
func from(pixels float64, expression string) string { return fmt.Sprintf("%g%s", pixels, expression) }

// fadeEnds fades a bumper of that length in from black and out to black.
func fadeEnds(s *fg.Stream, length time.Duration) *fg.Stream {
	const fade = 0.2
	s = filter(s, "fade", "type", "in", "start_time", 0, "duration", fade)
	return filter(s, "fade", "type", "out", "start_time", length.Seconds()-fade, "duration", fade)
}
