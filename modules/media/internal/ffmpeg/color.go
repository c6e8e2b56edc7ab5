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
	wide   bool   // other primaries, or a transfer that is not SDR: converted in the slow, exact way
	alpha  bool   // some of it may be transparent: it becomes black
	source colorTags
}

// colourEntries are what ffprobe is asked about colours beyond the tags of a stream.
const colourEntries = ":stream_side_data=dv_profile,dv_bl_signal_compatibility_id:stream_tags=alpha_mode"

// dolbyVision is how a stream says that Dolby Vision is in it. The zero value: it does not.
type dolbyVision struct{ profile, compatible int }

// alone reports whether nobody but a Dolby Vision player shows the colours: the base layer is in IPT, which looks green
// and violet elsewhere. The base layer of all other profiles is HDR or SDR.
func (d dolbyVision) alone() bool {
	return d.profile == 5 || d.compatible == 0 && (d.profile == 10 || d.profile == 20)
}

// hasAlpha reports whether a pixel format has transparency.
func hasAlpha(pixFmt string) bool {
	for _, kind := range []string{"yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16"} {
		if strings.HasPrefix(pixFmt, kind) {
			return true
		}
	}
	return false
}

// decoder returns the decoder that a stream needs, "" for the one that ffmpeg chooses: only libvpx decodes the
// transparency of WebM files.
func (v videoStream) decoder() string {
	switch {
	case v.alpha && v.codec == "vp8":
		return "libvpx"
	case v.alpha && v.codec == "vp9":
		return "libvpx-vp9"
	}
	return ""
}

// toneMapped reports whether highlights have to be compressed, not only converted.
func (c colorPlan) toneMapped() bool {
	return c.source.transfer == "smpte2084" || c.source.transfer == "arib-std-b67"
}

// planColor fills in what the file does not state: HD is BT.709 and anything smaller is BT.601, as every player
// assumes.
func planColor(v videoStream) colorPlan {
	c := colorPlan{source: v.color, rng: "tv", alpha: v.alpha}
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
	c.wide = c.toneMapped() || (c.matrix == "bt2020" && !c.rgb) || wideGamut(c.source.primaries)
	return c
}

// wideGamut reports whether primaries reach beyond BT.709: BT.2020, DCI-P3 or Display P3.
func wideGamut(primaries string) bool {
	return primaries == "bt2020" || primaries == "smpte431" || primaries == "smpte432"
}

// wideToSDR converts wide gamuts and HDR to SDR BT.709 in linear light. It works on the scaled picture, which has a
// fraction of the source's pixels. SDR keeps its tones: the curves of sRGB, BT.709 and BT.2020 count as one.
func wideToSDR(s *fg.Stream, c colorPlan) *fg.Stream {
	matrix, rng, primaries, transfer := c.matrix, "limited", "bt2020", "2020_10"
	switch {
	case c.toneMapped(), matrix == "bt2020":
		matrix = "2020_ncl"
	case matrix == "smpte240m":
		matrix = "7" // as H.273 numbers it; zscale has no stable name for it
	}
	if c.rng == "pc" {
		rng = "full"
	}
	if wideGamut(c.source.primaries) {
		primaries = c.source.primaries
	}
	if c.toneMapped() {
		transfer = c.source.transfer
	}
	in := []any{"min", matrix, "rin", rng, "pin", primaries, "tin", transfer}
	s = filter(s, "format", "pix_fmts",
		"yuv420p10le|yuv422p10le|yuv444p10le|yuv420p|yuv422p|yuv444p|gbrp10le|yuv420p12le|yuv422p12le|yuv444p12le")
	s = filter(s, "zscale", append(in, "p", primaries, "t", "linear", "npl", 203)...)
	s = filter(s, "format", "pix_fmts", "gbrpf32le")
	s = filter(s, "zscale", "p", "709")
	if c.toneMapped() {
		s = filter(s, "tonemap", "tonemap", "mobius", "param", 0.3, "desat", 0, "peak", 5)
	}
	s = filter(s, "zscale", "t", "709", "m", "709", "p", "709", "r", "limited")
	return filter(s, "format", "pix_fmts", "yuv420p")
}

// onBlack makes what is transparent black. deep keeps 10 bits for what follows.
func onBlack(s *fg.Stream, deep bool) *fg.Stream {
	format := "yuva444p"
	if deep {
		format = "yuva444p10le"
	}
	return filter(filter(s, "format", "pix_fmts", format), "premultiply", "inplace", 1)
}
