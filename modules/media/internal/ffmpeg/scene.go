package ffmpeg

import (
	"fmt"
	"time"

	fg "github.com/u2takey/ffmpeg-go"
)

// layer is one still picture of a bumper and how it moves. Expressions are ffmpeg's, with t in seconds.
type layer struct {
	file     string
	x, y     string
	fadeFrom float64 // when it begins to appear, in seconds
	fadeFor  float64 // how long it takes to appear, in seconds; 0 = visible from the start
	grow     string  // factor of its size over t; "" = as drawn
	spin     string  // angle over t, in radians; "" = upright
}

// prepare turns the still picture s into the moving layer, before it is placed.
func (l layer) prepare(s *fg.Stream) *fg.Stream {
	s = filter(s, "format", "pix_fmts", "rgba")
	if l.spin != "" {
		s = filter(s, "rotate", "a", l.spin, "fillcolor", "none")
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

// introScene lets the star rise, turning, over the stage lights; the name and the line below it follow.
func introScene() []layer {
	return []layer{
		{file: "backdrop.png"},
		{file: "glow.png", x: "(W-w)/2", y: "250-h/2", fadeFrom: 0.45, fadeFor: 0.6, grow: "0.9+0.06*t"},
		{
			file: "star.png", x: "(W-w)/2", y: "250-h/2+620*" + easeOut(0.1, 1.0),
			spin: "-2.4*" + easeOut(0.1, 1.1), grow: "1-0.45*" + easeOut(0.1, 1.0),
		},
		{file: "name.png", x: "(W-w)/2", y: "430+36*" + easeOut(0.6, 0.6), fadeFrom: 0.6, fadeFor: 0.4},
		{file: "intro-line.png", x: "(W-w)/2", y: "606+20*" + easeOut(0.95, 0.5), fadeFrom: 0.95, fadeFor: 0.4},
	}
}

// outroScene calls to vote, with the star above the line.
func outroScene() []layer {
	return []layer{
		{file: "backdrop.png"},
		{file: "glow.png", x: "(W-w)/2", y: "190-h/2", grow: "0.8+0.05*t"},
		{file: "star.png", x: "(W-w)/2", y: "190-h/2", grow: "0.72+0.06*sin(2.6*t)", spin: "0.10*sin(2.2*t)"},
		{file: "outro-line.png", x: "(W-w)/2", y: "330+40*" + easeOut(0.15, 0.6), fadeFrom: 0.15, fadeFor: 0.4},
		{file: "name-small.png", x: "(W-w)/2", y: "590+20*" + easeOut(0.6, 0.5), fadeFrom: 0.6, fadeFor: 0.4},
	}
}

// fadeEnds fades a bumper of that length in from black and out to black.
func fadeEnds(s *fg.Stream, length time.Duration) *fg.Stream {
	const fade = 0.2
	s = filter(s, "fade", "type", "in", "start_time", 0, "duration", fade)
	return filter(s, "fade", "type", "out", "start_time", length.Seconds()-fade, "duration", fade)
}
