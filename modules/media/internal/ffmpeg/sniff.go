package ffmpeg

import "github.com/gabriel-vasile/mimetype"

// SniffLen is how many leading bytes Sniff looks at.
const SniffLen = 3072

// Container is a file format that is accepted. Demuxer is what ffmpeg is forced to use for it, so that a playlist or an
// image with the name of a video is never opened as what it is.
type Container struct{ Demuxer, Extension, ContentType string }

// Sniff names the container from the first bytes of a file; false when it is not one that can hold a clip for us.
// It looks at the container only: a true answer does not say that there is a picture inside.
func Sniff(head []byte) (Container, bool) {
	if len(head) > SniffLen {
		head = head[:SniffLen]
	}
	switch mimetype.Detect(head).String() {
	case "video/mp4":
		return Container{"mov", ".mp4", "video/mp4"}, true
	case "video/x-m4v":
		return Container{"mov", ".m4v", "video/x-m4v"}, true
	case "video/quicktime":
		return Container{"mov", ".mov", "video/quicktime"}, true
	case "video/3gpp":
		return Container{"mov", ".3gp", "video/3gpp"}, true
	case "video/3gpp2":
		return Container{"mov", ".3g2", "video/3gpp2"}, true
	case "video/matroska":
		return Container{"matroska", ".mkv", "video/x-matroska"}, true
	case "video/webm":
		return Container{"matroska", ".webm", "video/webm"}, true
	}
	return Container{}, false
}
