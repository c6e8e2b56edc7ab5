package ffmpeg

import (
	"time"

	fg "github.com/u2takey/ffmpeg-go"
)

// sound converts a track to 48 kHz stereo that begins with the picture; silence fills a missing start and gaps. Samples
// are float, so that a downmix above full scale survives until the gain is known.
func sound(s *fg.Stream, length time.Duration) *fg.Stream {
	s = filter(s, "aresample", "osr", sampleRate, "async", 1, "first_pts", 0)
	s = filter(s, "aformat", "sample_fmts", "flt", "sample_rates", sampleRate, "channel_layouts", "stereo")
	return filter(s, "atrim", "end", seconds(length.Seconds()))
}

// measured passes s on and writes its loudness to file.
func measured(s *fg.Stream, file string) *fg.Stream {
	s = filter(s, "ebur128", "metadata", 1, "peak", "true")
	s = filter(s, "ametadata", "mode", "print", "file", file)
	return filter(s, "aformat", "sample_fmts", "flt")
}
