package ffmpeg

import (
	"bytes"

	"github.com/gabriel-vasile/mimetype"
)

// SniffLen is how many leading bytes Sniff looks at.
const SniffLen = 3072

// Container is a file format that is accepted. ffmpeg is forced to use Demuxer for it, so that a playlist or an image
// named like a video is never opened as a playlist or an image.
type Container struct{ Demuxer, Extension, ContentType string }

// sonyBrand follows the first length in an MP4 of a Sony camera. mimetype mistakes such a file for sound.
const sonyBrand = "ftypMSNV"

// Sniff recognises the container from the first SniffLen bytes of a file, or fewer if it is shorter; false when it is
// not one of Containers. It looks at the container only, which need not hold a picture.
func Sniff(head []byte) (Container, bool) {
	if len(head) > SniffLen {
		head = head[:SniffLen]
	}
	if bytes.HasPrefix(head[min(4, len(head)):], []byte(sonyBrand)) {
		return Containers()[0], true
	}
	is := mimetype.Detect(head)
	for _, c := range Containers() {
		if is.Is(c.ContentType) {
			return c, true
		}
	}
	return Container{}, false
}

// Containers returns all that are accepted.
func Containers() []Container {
	return []Container{
		{"mov", ".mp4", "video/mp4"},
		{"mov", ".m4v", "video/x-m4v"},
		{"mov", ".mov", "video/quicktime"},
		{"mov", ".3gp", "video/3gpp"},
		{"mov", ".3g2", "video/3gpp2"},
		{"matroska", ".mkv", "video/x-matroska"},
		{"matroska", ".webm", "video/webm"},
	}
}
