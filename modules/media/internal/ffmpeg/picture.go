package ffmpeg

import fg "github.com/u2takey/ffmpeg-go"

// picture turns decoded frames into those of a rendition at the output rate, without the watermark. g places them.
func picture(s *fg.Stream, pl plan, g geometry) *fg.Stream {
	col := pl.color
	if pl.video.interlaced {
		s = filter(s, "bwdif", "mode", "send_frame", "deint", "all")
	}
	// Dropping frames first spares scaling them. start_time extends the first picture of a late video back to 0.
	s = filter(s, "fps", "fps", pl.rate.String(), "start_time", 0)
	s = scaled(s, g, col)
	transpose, hflip, vflip := g.turn.filters()
	if transpose != "" {
		s = filter(s, "transpose", "dir", transpose)
	}
	if hflip {
		s = filter(s, "hflip")
	}
	if vflip {
		s = filter(s, "vflip")
	}
	s = filter(s, "setsar", "sar", 1)
	if g.width != g.frame.width || g.height != g.frame.height {
		s = filter(s, "pad", "w", g.frame.width, "h", g.frame.height, "x", g.padX, "y", g.padY)
	}
	return s
}

// scaled brings s to its size and to BT.709.
func scaled(s *fg.Stream, g geometry, col colorPlan) *fg.Stream {
	size := []any{"w", g.scaleW, "h", g.scaleH, "flags", "bicubic"}
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
