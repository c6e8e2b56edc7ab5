package ffmpeg

import (
	"math"
	"slices"
	"time"
)

// plan is every decision about one clip. It follows from the probe alone, before the first picture is decoded.
type plan struct {
	input      Job
	video      videoStream
	audioIndex int // -1: no sound
	rate       rational
	start      time.Duration
	length     time.Duration // of the content, at most Rules.MaxClip; the file may turn out to hold less
	from       time.Duration // where the picture begins: at start, or at the last picture for a start after it
	back       time.Duration // before from, where decoding begins at the latest
	hold       int           // frames by which the last picture may be shown longer
	geometry   geometry
	color      colorPlan
}

// plan makes the decisions, or rejects the clip.
func (p *Processor) plan(j Job, m media) (plan, error) {
	v, err := pickVideo(m)
	if err != nil {
		return plan{}, err
	}
	if err := p.checkCost(v, m); err != nil {
		return plan{}, err
	}
	pl := plan{
		input: j, video: v, audioIndex: -1, rate: outputRate(v),
		start: max(0, j.Start), geometry: fit(v), color: planColor(v),
	}
	var soundEnd time.Duration
	if !j.Rules.RemoveAudio {
		pl.audioIndex = pickAudio(m.audio)
		for _, a := range m.audio {
			if a.index == pl.audioIndex {
				soundEnd = a.end
			}
		}
	}
	end := or(v.end, m.duration)
	if v.end > 0 && soundEnd > v.end+longTail {
		end = soundEnd
	}
	if err := j.Rules.check(v, end); err != nil {
		return plan{}, err
	}
	return pl.timed(end, max(end, m.duration))
}

const (
	// longTail is how much longer than the picture a sound must be for the picture to wait for its end. What recorders
	// leave is shorter.
	longTail = time.Second
	// lastInstant is a time within the last picture, however the file rounds.
	lastInstant = 10 * time.Millisecond
)

// timed decides what part of a clip is shown whose content ends at end, and the file itself at last; 0 when unknown.
func (pl plan) timed(end, last time.Duration) (plan, error) {
	if last > 0 && pl.start >= last {
		return plan{}, reject(CodeStartBeyondEnd, "start %v, end %v", pl.start, last)
	}
	pl.length, pl.from = pl.input.Rules.maxClip(), pl.start
	if end > 0 {
		pl.length = min(pl.length, max(end-pl.start, pl.rate.span(1)))
	}
	if v := pl.video; v.end > 0 {
		pl.from = min(pl.from, max(0, v.end-lastInstant))
		if wait := pl.start + pl.length - v.end; wait > 0 {
			pl.hold = pl.rate.frames(min(wait, pl.length)) + 1
		}
	}
	if v := pl.video; v.delay > 0 && v.rate.known() {
		pl.back = min(pl.from, v.rate.span(v.delay))
	}
	return pl, nil
}

// cutOff reports whether the clip states clearly more pictures than could be decoded, which are frames.
func (pl plan) cutOff(frames int) bool {
	end := min(pl.video.end, pl.start+pl.length)
	return pl.video.end > 0 && pl.rate.span(frames)+time.Second < end-pl.start
}

// frames is how many pictures the content has at most.
func (pl plan) frames() int { return max(1, pl.rate.frames(pl.length)) }

// skipsDeblocking reports whether the decoder skips the loop filter on pictures that no other picture refers to.
// Shrinking by a quarter or more hides what the filter would have smoothed: the rendition's SSIM changes by less than
// 0.0001.
func (pl plan) skipsDeblocking() bool {
	v, g := pl.video, pl.geometry
	return (v.codec == "h264" || v.codec == "hevc") && g.scaleW*4 <= v.width*3 && g.scaleH*4 <= v.height*3
}

// wholeBlocks reports whether the encoder leaves moving blocks of 16×16 whole. Searching for better partitions is up to
// a fifth of veryfast's time and gains next to nothing in a picture that fills the frame (infra/load/README.md). A
// narrow picture has finer detail.
func (pl plan) wholeBlocks() bool {
	return pl.geometry.width*pl.geometry.height*4 >= outWidth*outHeight*3
}

// pickVideo chooses the default video stream, and among equals the largest. Cover art is not a video, whether it is
// marked as such or only in a codec of still pictures.
func pickVideo(m media) (videoStream, error) {
	best, still := -1, false
	for i, v := range m.video {
		if v.cover || slices.Contains(bystanders(), v.codec) {
			still = still || !v.cover
			continue
		}
		if best < 0 || better(v, m.video[best]) {
			best = i
		}
	}
	if best < 0 && still {
		return videoStream{}, reject(CodeUnreadable, "%d streams, none but still pictures", m.streams)
	}
	if best < 0 {
		return videoStream{}, reject(CodeNoVideoStream, "%d streams, none of them a video", m.streams)
	}
	v := m.video[best]
	if v.width <= 0 || v.height <= 0 || v.codec == "" || v.codec == "unknown" {
		return videoStream{}, reject(CodeUnreadable, "codec %q, %d×%d", v.codec, v.width, v.height)
	}
	return v, nil
}

func better(a, b videoStream) bool {
	if a.isDefault != b.isDefault {
		return a.isDefault
	}
	return a.width*a.height > b.width*b.height
}

// pickAudio chooses the default track, else the first, and ignores tracks in a codec that ffmpeg does not know. It
// returns the stream's index, -1 for none.
func pickAudio(tracks []audioStream) int {
	first := -1
	for _, a := range tracks {
		if a.codec == "" || a.codec == "unknown" || a.channels <= 0 {
			continue
		}
		if a.isDefault {
			return a.index
		}
		if first < 0 {
			first = a.index
		}
	}
	return first
}

// checkCost rejects a clip that would be too expensive to decode.
func (p *Processor) checkCost(v videoStream, m media) error {
	l, pixels := p.limits, v.width*v.height
	rate := 0.0
	if v.rate.known() {
		rate = v.rate.float()
	}
	switch {
	case m.streams > l.Streams:
		return reject(CodeTooComplex, "%d streams", m.streams)
	case pixels > l.Pixels || v.width > math.MaxInt16 || v.height > math.MaxInt16:
		return reject(CodeTooComplex, "%d×%d", v.width, v.height)
	case rate > l.FrameRate || rate*float64(pixels) > l.PixelRate:
		return reject(CodeTooComplex, "%d×%d at %.0f frames/s", v.width, v.height, rate)
	case max(m.duration, v.end) > l.SourceDuration:
		return reject(CodeTooLong, "%v", max(m.duration, v.end))
	}
	return nil
}

// outputRate keeps a source rate that is one of outputRates, divides a multiple of one (60 → 30, 50 → 25, 59.94 →
// 29.97, 240 → 30), and multiplies a fraction of one (15 → 30, 12.5 → 25), so that motion stays even. Everything else,
// including variable rates, becomes 30.
func outputRate(v videoStream) rational {
	fallback := rational{30, 1}
	if !v.rate.known() {
		return fallback
	}
	source := v.rate.float()
	if v.interlaced && v.rRate.known() && v.rRate.float() > 1.9*source {
		source = v.rRate.float() / 2 // some demuxers count fields
	}
	const tolerance = 0.0004 // 24 and 23.976 are 0.001 apart
	for _, factor := range []float64{1, 0.5, 0.25, 0.125, 2, 3, 4, 5, 1. / 3} {
		for _, r := range outputRates() {
			if math.Abs(source*factor/r.float()-1) < tolerance {
				return r
			}
		}
	}
	return fallback
}
