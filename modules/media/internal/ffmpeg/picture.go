package ffmpeg

import fg "github.com/u2takey/ffmpeg-go"

// picture turns decoded frames into 1280×720 at the output rate, without the watermark.
func picture(s *fg.Stream, pl plan) *fg.Stream {
	g, col := pl.geometry, pl.color
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
	if g.width != outWidth || g.height != outHeight {
		s = filter(s, "pad", "w", outWidth, "h", outHeight, "x", g.padX, "y", g.padY)
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
		return filter(filter(s, "scale", opts...), "format", "pix_fmts", "yuv420p")
	}
	return wideToSDR(filter(s, "scale", size...), col)
}

// marked overlays the watermark on s.
func marked(s *fg.Stream, mark watermark) *fg.Stream {
	logo := filter(localInput(mark.file, fg.KwArgs{"f": "png_pipe", "threads": 1}),
		"scale", "out_color_matrix", "bt709", "out_range", "tv")
	logo = filter(logo, "format", "pix_fmts", "yuva420p")
	return s.Overlay(logo, "repeat", fg.KwArgs{"x": mark.x, "y": mark.y, "format": "yuv420"})
}
