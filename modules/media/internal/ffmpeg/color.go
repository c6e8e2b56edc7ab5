package ffmpeg

import (
	"strings"

	fg "github.com/u2takey/ffmpeg-go"
)

// colorPlan says how source colours become BT.709 in limited range.
type colorPlan struct {
	matrix string // of the source, as the scale filter names it
	rng    string // "pc" or "tv"
	rgb    bool   // the source has no matrix
	wide   bool   // BT.2020 primaries, or a transfer that is not SDR: converted in the slow, exact way
	source colorTags
}

// toneMapped reports whether highlights have to be compressed, not only converted.
func (c colorPlan) toneMapped() bool {
	return c.source.transfer == "smpte2084" || c.source.transfer == "arib-std-b67"
}

// planColor fills in what the file does not state: HD is BT.709 and anything smaller is BT.601, as every player
// assumes.
func planColor(v videoStream) colorPlan {
	c := colorPlan{source: v.color, rng: "tv"}
	c.rgb = strings.HasPrefix(v.pixFmt, "rgb") || strings.HasPrefix(v.pixFmt, "bgr") ||
		strings.HasPrefix(v.pixFmt, "gbr") || v.pixFmt == "pal8"
	if v.color.rng == "pc" || strings.HasPrefix(v.pixFmt, "yuvj") {
		c.rng = "pc"
	}
	hd := v.width > 1024 || v.height > 576
	switch v.color.space {
	case "bt709", "smpte170m", "bt470bg", "fcc", "smpte240m":
		c.matrix = v.color.space
	case "bt2020nc", "bt2020c":
		c.matrix = "bt2020"
	default:
		c.matrix = "smpte170m"
		if hd {
			c.matrix = "bt709"
		}
	}
	c.wide = c.toneMapped() || (c.matrix == "bt2020" && !c.rgb)
	return c
}

// wideToSDR converts BT.2020 and HDR to SDR BT.709 in linear light. It works on the scaled picture, which has a
// fraction of the source's pixels.
func wideToSDR(s *fg.Stream, c colorPlan) *fg.Stream {
	in := []any{"min", "2020_ncl", "rin", "limited", "pin", "2020", "tin", "2020_10"}
	if c.rng == "pc" {
		in[3] = "full"
	}
	switch c.source.transfer {
	case "smpte2084", "arib-std-b67":
		in[7] = c.source.transfer
	}
	s = filter(s, "format", "pix_fmts",
		"yuv420p10le|yuv422p10le|yuv444p10le|yuv420p|yuv422p|yuv444p|gbrp10le|yuv420p12le|yuv422p12le|yuv444p12le")
	s = filter(s, "zscale", append(in, "t", "linear", "npl", 203)...)
	s = filter(s, "format", "pix_fmts", "gbrpf32le")
	s = filter(s, "zscale", "p", "709")
	if c.toneMapped() {
		s = filter(s, "tonemap", "tonemap", "mobius", "param", 0.3, "desat", 0, "peak", 5)
	}
	s = filter(s, "zscale", "t", "709", "m", "709", "p", "709", "r", "limited")
	return filter(s, "format", "pix_fmts", "yuv420p")
}
