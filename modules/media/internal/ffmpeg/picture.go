package ffmpeg

import fg "github.com/u2takey/ffmpeg-go"

// picture turns decoded frames into those of a rendition at the output rate, without the watermark. g places them. A
// clip may change the size and the shape of its pictures at any time: each is shown unstretched.
func picture(s *fg.Stream, pl plan, g geometry) *fg.Stream {
	v, col := pl.video, pl.color
	if pl.start > 0 {
		s = filter(s, "trim", "end", seconds(pl.length.Seconds()))
	}
	if !v.sar.known() {
		s = filter(s, "setsar", "sar", 1) // so that stretching notes down by how much
	}
	if v.interlaced && min(v.width, v.height) >= deinterlaced {
		// This filter must see one size. The pixel ratio keeps the shape of a picture that is stretched for it.
		s = filter(s, "scale", "w", v.width, "h", v.height, "flags", "bicubic", "interl", -1)
		s = filter(s, "bwdif", "mode", "send_frame", "deint", "all")
	}
	// Dropping frames first spares scaling them. start_time extends the first picture of a late video back to 0, and
	// leaves of those before 0 the last one, which is on screen then.
	fps := []any{"fps", pl.rate.String(), "start_time", 0}
	if pl.start > 0 || pl.hold > 0 || pl.length <= pl.rate.span(1) {
		fps = append(fps, "eof_action", "pass") // also the last picture, however little is left of it
	}
	s = filter(s, "fps", fps...)
	s = shaped(s, v, g, col)
	s = filter(s, "setsar", "sar", 1)
	s = filter(s, "pad", "w", g.frame.width, "h", g.frame.height, "x", "trunc((ow-iw)/4)*2", "y", "trunc((oh-ih)/4)*2",
		"eval", "frame")
	if pl.hold > 0 {
		s = filter(s, "tpad", "stop_mode", "clone", "stop", pl.hold)
	}
	return s
}

// deinterlaced is the least width and height whose fields are made whole pictures; the filter fails below 3 or 4.
const deinterlaced = 16

// shaped brings each picture of s to its size in the frame, upright and in BT.709.
func shaped(s *fg.Stream, v videoStream, g geometry, col colorPlan) *fg.Stream {
	ratio := 1.0
	if v.sar.known() {
		ratio = v.sar.float()
	}
	if g.turn == upright && !col.wide {
		w, h := g.fitting(v.width, v.height, ratio)
		return scaled(s, col, "w", w, "h", h, "eval", "frame")
	}
	// The filters on this way must see one size. Others are stretched to it, and back at the end.
	s = scaled(s, col, "w", g.scaleW, "h", g.scaleH)
	ratio *= float64(v.width) * float64(g.scaleH) / (float64(v.height) * float64(g.scaleW))
	transpose, hflip, vflip := g.turn.filters()
	if transpose != "" {
		s = filter(s, "transpose", "dir", transpose)
		ratio = 1 / ratio
	}
	if hflip {
		s = filter(s, "hflip")
	}
	if vflip {
		s = filter(s, "vflip")
	}
	w, h := g.fitting(g.width, g.height, ratio)
	return filter(s, "scale", "w", w, "h", h, "eval", "frame", "flags", "bicubic")
}

// scaled brings s to a size and to BT.709.
func scaled(s *fg.Stream, col colorPlan, size ...any) *fg.Stream {
	size = append(size, "flags", "bicubic")
	if !col.wide {
		opts := append(size, "out_color_matrix", "bt709", "out_range", "tv", "in_range", col.rng)
		if !col.rgb {
			opts = append(opts, "in_color_matrix", col.matrix)
		}
		s = filter(s, "scale", opts...)
		if col.alpha {
			s = onBlack(s, false)
		}
		return filter(s, "format", "pix_fmts", "yuv420p")
	}
	s = filter(s, "scale", size...)
	if col.alpha {
		s = onBlack(s, true)
	}
	return wideToSDR(s, col)
}

// marked overlays the watermark on s.
func marked(s *fg.Stream, mark watermark, frame size) *fg.Stream {
	file, part := mark.in(frame)
	logo := filter(localInput(file, fg.KwArgs{"f": "png_pipe", "threads": 1}),
		"scale", "w", "iw*"+part, "h", "ih*"+part, "out_color_matrix", "bt709", "out_range", "tv")
	logo = filter(logo, "format", "pix_fmts", "yuva420p")
	x, y := mark.corner(frame)
	return s.Overlay(logo, "repeat", fg.KwArgs{"x": x, "y": y, "format": "yuv420"})
}
