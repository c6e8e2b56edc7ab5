package ffmpeg

import (
	"encoding/binary"
	"io"
	"math"
	"time"
)

// maxBoxes bounds how many boxes or elements are skipped on the way to another; a phone writes fewer than ten.
const maxBoxes = 64

// DurationFromHeader returns the duration that a file states, from a few small reads of its index. It returns false
// when the file states none, as after a live recording, or cannot be read. Only decoding shows the real duration.
func DurationFromHeader(r io.ReadSeeker) (time.Duration, bool) {
	end, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, false
	}
	var begin [4]byte
	if !readAt(r, 0, begin[:]) {
		return 0, false
	}
	if bigEndian(begin[:]) == ebmlHeader {
		return matroskaDuration(r, span{0, end})
	}
	return mp4Duration(r, span{0, end})
}

// durationOf converts the seconds that a file states. It returns false if they are not a valid duration.
func durationOf(seconds float64) (time.Duration, bool) {
	const longest = 1e9 // seconds
	if !(seconds > 0) { // NaN too
		return 0, false
	}
	length := time.Duration(min(seconds, longest) * float64(time.Second))
	return length, length > 0
}

// mp4Duration reads an MP4, MOV or 3GP by ISO/IEC 14496-12: boxes (4.2), the movie's header (8.2.2), fragments (8.8.1).
func mp4Duration(r io.ReadSeeker, file span) (time.Duration, bool) {
	index, ok := findBox(r, file, "moov")
	if !ok {
		return 0, false
	}
	if _, fragmented := findBox(r, index, "mvex"); fragmented {
		return 0, false
	}
	header, ok := findBox(r, index, "mvhd")
	if !ok {
		return 0, false
	}
	// Version and flags, two times, units per second, duration in units. Each has 32 bits; in version 1 the times and
	// the duration have 64.
	var body [32]byte
	if n := min(header.to-header.from, int64(len(body))); !readAt(r, header.from, body[:n]) {
		return 0, false
	}
	units, length := binary.BigEndian.Uint32(body[12:]), uint64(binary.BigEndian.Uint32(body[16:]))
	unknown := uint64(math.MaxUint32)
	if body[0] == 1 {
		units, length, unknown = binary.BigEndian.Uint32(body[20:]), binary.BigEndian.Uint64(body[24:]), math.MaxUint64
	}
	if units == 0 || length == unknown {
		return 0, false
	}
	return durationOf(float64(length) / float64(units))
}

// span is a part of a file; to is the first byte after it.
type span struct{ from, to int64 }

// findBox returns the content of the first box of a kind in s.
func findBox(r io.ReadSeeker, s span, kind string) (span, bool) {
	at := s.from
	for range maxBoxes {
		var head [16]byte
		if s.to-at < 8 || !readAt(r, at, head[:8]) {
			return span{}, false
		}
		size, begin := int64(binary.BigEndian.Uint32(head[:])), int64(8)
		switch size {
		case 0: // the last box, which goes to the end
			size = s.to - at
		case 1:
			if s.to-at < 16 || !readAt(r, at, head[:]) {
				return span{}, false
			}
			size, begin = int64(binary.BigEndian.Uint64(head[8:])), 16
		}
		if size < begin || size > s.to-at {
			return span{}, false
		}
		if string(head[4:8]) == kind {
			return span{at + begin, at + size}, true
		}
		at += size
	}
	return span{}, false
}

func readAt(r io.ReadSeeker, at int64, into []byte) bool {
	if _, err := r.Seek(at, io.SeekStart); err != nil {
		return false
	}
	_, err := io.ReadFull(r, into)
	return err == nil
}
