package ffmpeg

import (
	"slices"
	"time"
)

// soundPlan says which tracks may become the clip's sound.
type soundPlan struct {
	first   []audioStream // decoded together with the picture: one track, or the left and the right one; none: no sound
	others  []audioStream // tried in this order when the first is broken or silent
	notices []Notice      // of what is known before anything is decoded
}

// maxTracks limits how many tracks are tried.
const maxTracks = 4

// pickSound prefers the default track, then the order of the file. Tracks in a codec that is not decoded are ignored.
func pickSound(tracks []audioStream) soundPlan {
	var usable []audioStream
	for _, a := range tracks {
		if a.decodable() {
			usable = append(usable, a)
		}
	}
	if len(usable) == 0 {
		if len(tracks) == 0 {
			return soundPlan{}
		}
		return soundPlan{notices: []Notice{NoticeNoSound}}
	}
	var s soundPlan
	if left, right, ok := leftAndRight(tracks); ok && len(usable) == len(tracks) {
		s.first, usable = []audioStream{left, right}, nil
		for _, a := range tracks {
			if a.index != left.index && a.index != right.index {
				usable = append(usable, a)
			}
		}
	} else {
		at := favourite(usable)
		s.first = []audioStream{usable[at]}
		usable = slices.Delete(usable, at, at+1)
		if tracks[favourite(tracks)].index != s.first[0].index {
			s.notices = []Notice{NoticeAnotherTrack}
		}
	}
	s.others = usable[:min(len(usable), maxTracks-len(s.first))]
	return s
}

// favourite returns the index of the default track, else of the first.
func favourite(tracks []audioStream) int {
	return max(0, slices.IndexFunc(tracks, func(a audioStream) bool { return a.isDefault }))
}

// decodable reports whether there is a decoder for the track.
func (a audioStream) decodable() bool {
	return a.channels > 0 && slices.Contains(audioDecoders(), a.codec)
}

// leftAndRight finds the two tracks that a camera wrote for the two sides. The evidence: all tracks are mono, of an
// even number, and alike in everything, also in length and language, as no two takes and no two translations are. The
// first is the left one, unless their places say otherwise.
func leftAndRight(tracks []audioStream) (left, right audioStream, ok bool) {
	if len(tracks) == 0 || len(tracks)%2 != 0 {
		return audioStream{}, audioStream{}, false
	}
	left, right = tracks[0], tracks[1]
	for _, a := range tracks {
		const grace = 100 * time.Millisecond
		alike := a.channels == 1 && !a.special && a.codec == left.codec && a.rate == left.rate &&
			a.language == left.language && (a.length-left.length).Abs() <= grace
		if !alike {
			return audioStream{}, audioStream{}, false
		}
	}
	if left.layout == rightOnly {
		left, right = right, left
	}
	return left, right, true
}

// rightOnly is ffmpeg's name for a single channel whose place is on the right.
const rightOnly = "1 channels (FR)"
