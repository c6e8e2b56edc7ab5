package ffmpeg

import (
	"encoding/binary"
	"io"
	"math"
	"math/bits"
	"time"
)

// The elements of Matroska and WebM on the way to a file's duration (RFC 9559, 5.1; for EBML itself RFC 8794, 11.2).
const (
	ebmlHeader      = 0x1a45dfa3
	segmentElement  = 0x18538067
	infoElement     = 0x1549a966
	scaleElement    = 0x2ad7b1
	durationElement = 0x4489
)

// matroskaDuration reads a Matroska or WebM file, which states the duration before its pictures. A browser's recording
// states none.
func matroskaDuration(r io.ReadSeeker, file span) (time.Duration, bool) {
	segment, ok := findElement(r, file, segmentElement)
	if !ok {
		return 0, false
	}
	info, ok := findElement(r, segment, infoElement)
	if !ok {
		return 0, false
	}
	scale := uint64(1_000_000) // nanoseconds, unless the file says otherwise
	if at, ok := findElement(r, info, scaleElement); ok {
		if scale, ok = number(r, at); !ok {
			return 0, false
		}
	}
	at, ok := findElement(r, info, durationElement)
	if !ok {
		return 0, false
	}
	length, ok := number(r, at)
	if !ok {
		return 0, false
	}
	switch at.to - at.from {
	case 4:
		return durationOf(float64(math.Float32frombits(uint32(length))) * float64(scale) / float64(time.Second))
	case 8:
		return durationOf(math.Float64frombits(length) * float64(scale) / float64(time.Second))
	}
	return 0, false
}

// findElement returns the content of the first element with an id in s. An element of unknown size ends where s ends.
func findElement(r io.ReadSeeker, s span, id uint64) (span, bool) {
	at := s.from
	for range maxBoxes {
		var head [12]byte // an id of up to 4 bytes, a size of up to 8
		n := min(s.to-at, int64(len(head)))
		if n < 2 || !readAt(r, at, head[:n]) {
			return span{}, false
		}
		idLength := bits.LeadingZeros8(head[0]) + 1
		if idLength > 4 || int64(idLength) >= n {
			return span{}, false
		}
		sizeLength := bits.LeadingZeros8(head[idLength]) + 1
		if sizeLength > 8 || int64(idLength+sizeLength) > n {
			return span{}, false
		}
		marker := uint64(1) << (7 * sizeLength)
		size := bigEndian(head[idLength:idLength+sizeLength]) &^ marker
		content := span{at + int64(idLength+sizeLength), s.to}
		if size != marker-1 { // all ones: unknown
			if size > uint64(s.to-content.from) {
				return span{}, false
			}
			content.to = content.from + int64(size)
		}
		if bigEndian(head[:idLength]) == id {
			return content, true
		}
		at = content.to
	}
	return span{}, false
}

// number reads the content of an element as an unsigned number of at most 8 bytes.
func number(r io.ReadSeeker, s span) (uint64, bool) {
	var content [8]byte
	n := s.to - s.from
	if n > int64(len(content)) || !readAt(r, s.from, content[:n]) {
		return 0, false
	}
	return bigEndian(content[:n]), true
}

func bigEndian(b []byte) uint64 {
	var whole [8]byte
	copy(whole[8-len(b):], b)
	return binary.BigEndian.Uint64(whole[:])
}
