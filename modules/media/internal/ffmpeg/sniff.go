package ffmpeg

import (
	"encoding/binary"
	"slices"

	"github.com/gabriel-vasile/mimetype"
)

// SniffLen is how many leading bytes Sniff looks at.
const SniffLen = 3072

// Container is a file format that is accepted. ffmpeg is forced to use Demuxer for it, so that a playlist or an image
// named like a video is never opened as a playlist or an image.
type Container struct{ Demuxer, Extension, ContentType string }

// Sniff recognises the container from the first SniffLen bytes of a file, or fewer if it is shorter; false when it is
// certainly not one of Containers. It only decides which demuxer has the last word: the file may turn out to hold no
// picture, or not to be what it claims.
func Sniff(head []byte) (Container, bool) {
	if len(head) > SniffLen {
		head = head[:SniffLen]
	}
	boxes := boxed(head)
	if boxes && stillImage(head) {
		return Container{}, false
	}
	is := mimetype.Detect(head)
	for _, c := range Containers() {
		if is.Is(c.ContentType) {
			return c, true
		}
	}
	if boxes { // the brand says sound, or an image sequence, or is unknown to mimetype
		return Containers()[0], true
	}
	return Container{}, false
}

// boxed reports whether a file consists of boxes, as MP4 and QuickTime files do, whatever their brand. Its first box
// has one of the types with which programs begin: a brand, an index, media data, empty space or private data.
func boxed(head []byte) bool {
	const header = 8
	if len(head) < header {
		return false
	}
	size, kind := binary.BigEndian.Uint32(head), string(head[4:header])
	if size > 1 && size < header { // 0: up to the end of the file; 1: the size follows
		return false
	}
	switch kind {
	case "ftyp", "styp":
		return true
	case "moov", "mdat", "moof", "sidx", "free", "skip", "wide", "uuid", "pnot", "udta", "prfl", "emsg", "prft":
		return size < 1<<29 || kind == "mdat" // a greater one would be four letters of a text
	}
	return false
}

// stillImage reports whether the brand of a file is of an image or a raw photo, which has boxes as a video has. The
// brands of image sequences are not among them: cameras write those into videos, too.
func stillImage(head []byte) bool {
	const brandEnd = 12
	if len(head) < brandEnd || string(head[4:8]) != "ftyp" {
		return false
	}
	return slices.Contains([]string{
		"heic", "heix", "heim", "heis", "avif", "mif1", "mif2", "miaf", "jpeg", "jxl ", "jp2 ", "jpx ", "crx ",
	}, string(head[8:brandEnd]))
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
