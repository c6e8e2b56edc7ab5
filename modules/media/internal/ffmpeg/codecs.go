package ffmpeg

import (
	"slices"
	"strings"
	"unicode"
)

// The decoders that a contestant's file may reach: those for what phones, cameras, browsers and editors write. ffmpeg
// has some four hundred others, for games, screen recorders and formats of the nineties, which few people test and
// attackers look at.

// videoDecoders are, by line, of phones and browsers, of older phones and cameras, and of editors and camcorders.
// Several decoders of one codec follow each other.
func videoDecoders() []string {
	return []string{
		"h264", "hevc", "vp8", "libvpx", "vp9", "libvpx-vp9", "libdav1d", "libaom-av1", "av1",
		"mpeg4", "h263", "mjpeg",
		"prores", "dnxhd", "dvvideo", "mpeg2video", "mpeg1video",
	}
}

// audioDecoders are, by line, of phones and browsers, of cameras and editors, of older phones, and of recorders, whose
// samples are not compressed.
func audioDecoders() []string {
	return []string{
		"aac", "aac_latm", "opus", "libopus", "vorbis", "libvorbis", "mp3float", "mp3",
		"ac3", "eac3", "mp2float", "mp2", "alac", "flac",
		"amrnb", "amrwb", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "pcm_alaw", "pcm_mulaw",
		"pcm_s8", "pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be",
		"pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be",
	}
}

// bystanders are decoders of what may lie in a file beside picture and sound. ffprobe prepares the decoder of every
// stream and gives up if one is forbidden; it decodes only what decoders names.
func bystanders() []string {
	return []string{
		"png", "bmp", "gif", "webp", // covers
		"ass", "ssa", "subrip", "srt", "mov_text", "webvtt", "text", "dvbsub", "dvdsub", "pgssub", "xsub", "cc_dec",
		// Sound of discs and of old computers: the clip is published without it.
		"dca", "mlp", "truehd", "wmav1", "wmav2", "wmapro", "qdm2", "mace3", "mace6", "gsm", "gsm_ms",
	}
}

// decodesPicture reports whether a codec, by ffprobe's name, has a listed decoder.
func decodesPicture(codec string) bool { return slices.Contains(videoDecoders(), codec) }

// codecNames are how people know the codecs whose names in ffmpeg they may not recognise.
var codecNames = map[string]string{
	"vvc": "H.266 (VVC)", "apv": "APV", "prores_raw": "ProRes RAW", "cfhd": "CineForm",
	"aic":   "Apple Intermediate Codec",
	"qtrle": "QuickTime Animation", "wmv3": "Windows Media Video 9", "svq3": "Sorenson Video 3", "vc1": "VC-1",
	"jpeg2000": "JPEG 2000", "theora": "Theora", "rawvideo": "RAW",
}

// codecTags are the codecs behind the names that MP4 and QuickTime files have for them, if ffmpeg may not know these.
var codecTags = map[string]string{
	"vvc1": "vvc", "vvi1": "vvc", "apv1": "apv", "aprn": "prores_raw", "aprh": "prores_raw",
}

// publicName is what a contestant is told of a stream's codec: ffprobe's name for it, else the file's own; "" if
// neither is a name.
func publicName(codec, tag string) string {
	if codec == "" || codec == "unknown" {
		codec = or(codecTags[tag], strings.TrimSpace(tag))
	}
	if name := codecNames[codec]; name != "" {
		return name
	}
	for _, c := range codec {
		if c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' {
			return ""
		}
	}
	return strings.ToUpper(codec)
}

// forbiddenCodec returns the codec for which ffprobe gave up, by its messages; "" if that was not the reason. There is
// no other way to learn it.
func forbiddenCodec(messages string) string {
	for part := range strings.SplitSeq(messages, ") not on whitelist") {
		at := strings.LastIndex(part, "Codec (")
		if at < 0 {
			continue
		}
		codec := part[at+len("Codec ("):]
		if !strings.ContainsAny(codec, "()\n") && !slices.Contains(bystanders(), codec) {
			return codec
		}
	}
	return ""
}

// decoders is the value of ffmpeg's option codec_whitelist.
func decoders(more ...string) string {
	return strings.Join(append(append(videoDecoders(), audioDecoders()...), more...), ",")
}
