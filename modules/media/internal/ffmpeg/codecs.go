package ffmpeg

import "strings"

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
	}
}

// decoders is the value of ffmpeg's option codec_whitelist.
func decoders(more ...string) string {
	return strings.Join(append(append(videoDecoders(), audioDecoders()...), more...), ",")
}
